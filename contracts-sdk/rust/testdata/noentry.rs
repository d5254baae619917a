//! The contract "noentry" of package hosttest: it has no entry.
#![no_std]

use kalima_contract as _;
