//! Walks through entries with a buffer of as many bytes as the event's value says. Writes how
//! many there were, how long their values are together, and the last key.
#![no_std]

use core::str::from_utf8;
use kalima_contract::{self as kalima, entries, get_many, reject_if, Reject, Scan, Text, MAX_ANSWER, MAX_KEY};

entries! { validate: walk }

static mut BUF: [u8; MAX_ANSWER] = [0; MAX_ANSWER];

fn walk() -> Result<(), Reject> {
    let mut room = [0; 16];
    let room = from_utf8(kalima::value(&mut room)).ok().and_then(|t| t.parse().ok());
    let room: usize = room.ok_or(Reject::new(9, "no number"))?;
    let buf = unsafe { &mut *core::ptr::addr_of_mut!(BUF) };
    let (mut count, mut size, mut last) = (0, 0, Text::<MAX_KEY>::new());
    let mut all = Scan::new("/walk", "k000", "", &mut buf[..room]);
    while let Some((key, value)) = all.next() {
        count += 1;
        size += value.len();
        last = Text::from(key);
    }
    reject_if(all.next().is_some(), 1, "the end stays the end")?;
    let mut out = Text::<400>::new();
    out.push_int(count).push(" ").push_int(size as i64).push(" ").push(last.as_str());
    kalima::put("", "out", out.as_bytes());

    let mut values = get_many(&[("/walk", "k001"), ("", "none"), ("/walk", "k002")], buf);
    let first = values.next().flatten().ok_or(Reject::new(2, "no first value"))?;
    reject_if(first[0] != b'v' || values.next() != Some(None), 3, "not the values")?;
    reject_if(values.next().flatten().is_none() || values.next().is_some(), 4, "not as many values")
}
