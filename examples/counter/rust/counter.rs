//! Counts what is put under each address.
#![no_std]
use kalima_contract::{self as kalima, entries, Reject, Text};

entries! { validate: count, query: answer }

fn count() -> Result<(), Reject> {
    let (address, mut buf) = (kalima::address(), [0; 20]);
    let mut n = 0i64;
    for digit in kalima::get("", address.as_str(), &mut buf).unwrap_or(b"") {
        n = n * 10 + i64::from(digit - b'0');
    }
    let mut text = Text::<20>::new();
    text.push_int(n + 1);
    kalima::put("", address.as_str(), text.as_bytes());
    Ok(())
}

fn answer() -> Result<(), Reject> {
    let mut buf = [0; 20];
    kalima::reply(kalima::get("", kalima::key().as_str(), &mut buf).unwrap_or(b"0"));
    Ok(())
}
