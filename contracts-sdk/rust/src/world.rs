use crate::{host, kept};

/// Asks the query entry of another contract and copies its answer to `buf`. `None` when
/// there is no such contract, or it rejects the question; a fault there ends this call too.
/// Traps when the answer does not fit.
pub fn query<'a>(contract: &str, key: &str, arg: &[u8], buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let n = unsafe { host::query(contract.as_ptr(), contract.len(), key.as_ptr(), key.len(), arg.as_ptr(), arg.len()) };
    kept(buf, n)
}

/// Sets what a query answers. Query only, once.
pub fn reply(answer: &[u8]) {
    unsafe { host::reply(answer.as_ptr(), answer.len()) }
}

/// Makes an event of the contract's own, with data. Validate and migrate only.
pub fn emit(topic: &str, data: &[u8]) {
    unsafe { host::emit(topic.as_ptr(), topic.len(), data.as_ptr(), data.len()) }
}

/// What a host outside of the chain answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: i32,
    /// The body, in the buffer of the caller.
    pub body: &'a [u8],
}

/// Sends a request to a host that the deployment granted, with one of the methods GET, POST,
/// PUT, PATCH and DELETE. `None` without an answer. Traps when the body does not fit in
/// `buf`. React only.
pub fn http<'a>(method: &str, url: &str, body: &[u8], buf: &'a mut [u8]) -> Option<Response<'a>> {
    let status = unsafe { host::http(method.as_ptr(), method.len(), url.as_ptr(), url.len(), body.as_ptr(), body.len()) };
    if status < 0 {
        return None;
    }
    let n = unsafe { host::result(buf.as_mut_ptr(), 0) };
    Some(Response { status, body: kept(buf, n)? })
}

/// Returns this node's clock in microseconds since the Unix epoch. React only, when granted.
pub fn clock() -> i64 {
    unsafe { host::clock() }
}
