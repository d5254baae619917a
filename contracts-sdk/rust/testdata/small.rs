//! The contract "small" of package hosttest: it has validate alone.
#![no_std]

use kalima_contract::{entries, Reject};

entries! { validate: accept }

fn accept() -> Result<(), Reject> {
    Ok(())
}
