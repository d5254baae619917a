use crate::{host, kept, trap, Text, MAX_KEY, MAX_SCAN};

/// Reads the current values of up to [`MAX_KEYS`](crate::MAX_KEYS) keys, each an address and
/// a key, at once: cheaper than [`get`](crate::get) for each. `buf` must hold the names, with
/// two bytes for each key, and then the values, with four; else it traps.
pub fn get_many<'a>(keys: &[(&str, &str)], buf: &'a mut [u8]) -> Values<'a> {
    let mut len = 0;
    for (address, key) in keys {
        if address.len() > 255 || key.len() > 255 {
            unsafe { host::get_many(buf.as_ptr(), len) };
            crate::value_len(address, key); // ends the call: the host says what is wrong with it
        }
        for name in [address, key] {
            match buf.get_mut(len..=len + name.len()) {
                Some(room) => {
                    room[0] = name.len() as u8;
                    room[1..].copy_from_slice(name.as_bytes());
                    len += room.len();
                }
                None => trap(),
            }
        }
    }
    let n = unsafe { host::get_many(buf.as_ptr(), len) };
    Values { rest: kept(buf, n).unwrap_or_default() }
}

/// The answers of [`get_many`], in the order of the keys: `None` for one that is absent.
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let n = length(&mut self.rest);
        if n == u32::MAX as usize {
            return Some(None);
        }
        Some(Some(cut(&mut self.rest, n)))
    }
}

/// Reads the first `limit` (1 to [`MAX_SCAN`]) entries of the address with
/// `after < key < before`, in byte order; an empty `before` is no bound. Fewer come when
/// they would pass 256 KiB; none is the end. Traps when `buf` has no room for them;
/// [`MAX_ANSWER`](crate::MAX_ANSWER) always has. [`Scan`] walks through all.
pub fn scan<'a>(address: &str, after: &str, before: &str, limit: usize, buf: &'a mut [u8]) -> Entries<'a> {
    let n = ask(address, after, before, limit);
    Entries { rest: kept(buf, n).unwrap_or_default() }
}

fn ask(address: &str, after: &str, before: &str, limit: usize) -> i32 {
    let limit = limit.try_into().unwrap_or(i32::MAX);
    unsafe { host::scan(address.as_ptr(), address.len(), after.as_ptr(), after.len(), before.as_ptr(), before.len(), limit) }
}

/// Entries of an address: keys and values.
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let n = usize::from(*self.rest.first()?);
        self.rest = &self.rest[1..];
        let key = cut(&mut self.rest, n);
        let n = length(&mut self.rest);
        let value = cut(&mut self.rest, n);
        // The host has valid keys only.
        Some((unsafe { core::str::from_utf8_unchecked(key) }, value))
    }
}

/// A walk through the entries of an address with `after < key < before`, in byte order. It
/// reads as many at once as the buffer has room for.
///
/// ```ignore
/// let mut buf = [0; 16 * 1024];
/// let mut all = Scan::new("", "", "", &mut buf);
/// while let Some((key, value)) = all.next() { ... }
/// ```
pub struct Scan<'a> {
    address: &'a str,
    after: &'a str, // where the walk begins
    before: &'a str,
    buf: &'a mut [u8],
    last: Text<MAX_KEY>, // the key that next gave last
    at: usize,
    end: usize,
    limit: usize,
}

impl<'a> Scan<'a> {
    /// Begins a walk; an empty `before` is no bound. A buffer that is too small for a single
    /// entry traps.
    pub fn new(address: &'a str, after: &'a str, before: &'a str, buf: &'a mut [u8]) -> Self {
        Scan { address, after, before, buf, last: Text::new(), at: 0, end: 0, limit: MAX_SCAN }
    }

    /// Goes to the next entry. `None` at the end.
    #[allow(clippy::should_implement_trait)] // an Iterator can not lend its buffer
    pub fn next(&mut self) -> Option<(&str, &[u8])> {
        if self.at == self.end {
            self.fill();
        }
        let mut entries = Entries { rest: self.buf.get(self.at..self.end)? };
        let (key, value) = entries.next()?;
        self.at = self.end - entries.rest.len();
        self.last = Text::from(key);
        Some((key, value))
    }

    /// Reads the next page. One that the buffer has no room for is asked again with fewer
    /// entries.
    fn fill(&mut self) {
        loop {
            let after = if self.last.as_bytes().is_empty() { self.after } else { self.last.as_str() };
            let n = ask(self.address, after, self.before, self.limit);
            if n as usize <= self.buf.len() {
                self.end = kept(self.buf, n).map_or(0, <[u8]>::len);
                self.at = 0;
                return;
            }
            if self.limit == 1 {
                trap();
            }
            self.limit /= 2;
        }
    }
}

/// Cuts n bytes off the front.
fn cut<'a>(rest: &mut &'a [u8], n: usize) -> &'a [u8] {
    if n > rest.len() {
        trap();
    }
    let (front, back) = rest.split_at(n);
    *rest = back;
    front
}

/// Cuts a little-endian u32 off the front.
fn length(rest: &mut &[u8]) -> usize {
    let b = cut(rest, 4);
    u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize
}
