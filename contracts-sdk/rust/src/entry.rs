use crate::{Text, ACCEPT, MAX_MESSAGE};

/// Why a contract refuses. `?` passes it on.
///
/// ```ignore
/// let value = text.parse::<f64>().map_err(|_| Reject::new(1, "value is not a number"))?;
/// ```
#[derive(Clone)]
pub struct Reject {
    /// The contract's own code; 0 is a rejection too.
    pub code: i32,
    /// A message for people.
    pub message: Text<MAX_MESSAGE>,
}

impl Reject {
    /// A rejection with a message, of which the first 256 bytes count.
    pub fn new(code: i32, message: &str) -> Self {
        let mut end = message.len().min(MAX_MESSAGE);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        Reject { code, message: Text::from(&message[..end]) }
    }
}

/// Refuses when the condition holds.
pub fn reject_if(condition: bool, code: i32, message: &str) -> Result<(), Reject> {
    if condition {
        return Err(Reject::new(code, message));
    }
    Ok(())
}

/// Ends an entry: what the macro [`entries!`](crate::entries) returns to the host.
pub fn finish(result: Result<(), Reject>) -> i32 {
    match result {
        Ok(()) => ACCEPT,
        Err(r) => crate::reject(r.code, r.message.as_str()),
    }
}

/// Exports the contract's entries: for each phase it serves, a function that returns
/// `Result<(), Reject>`.
///
/// ```ignore
/// entries! { validate: check, query: answer }
/// ```
#[macro_export]
macro_rules! entries {
    ($($phase:ident: $function:path),+ $(,)?) => {
        $($crate::entry! { $phase, $function })+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    (validate, $function:path) => { $crate::export! { validate, "validate", $function } };
    (react, $function:path) => { $crate::export! { react, "react", $function } };
    (query, $function:path) => { $crate::export! { query, "query", $function } };
    (migrate, $function:path) => { $crate::export! { migrate, "migrate", $function } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($phase:ident, $name:literal, $function:path) => {
        const _: () = {
            #[export_name = $name]
            extern "C" fn entry() -> i32 {
                $crate::finish($function())
            }
        };
    };
}
