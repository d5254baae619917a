use core::fmt;

/// A string of at most `N` bytes that lives where it is declared. Text that does not fit
/// ends the call with a trap: a cut key would be wrong. `write!` works on it, at the price
/// of the formatting machinery of `core`; the `push` functions are smaller.
#[derive(Clone)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// An empty text.
    pub const fn new() -> Self {
        Text { bytes: [0; N], len: 0 }
    }

    /// Appends a string.
    pub fn push(&mut self, s: &str) -> &mut Self {
        match self.bytes.get_mut(self.len..self.len + s.len()) {
            Some(free) => free.copy_from_slice(s.as_bytes()),
            None => crate::trap(),
        }
        self.len += s.len();
        self
    }

    /// Appends a decimal number.
    pub fn push_int(&mut self, n: i64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = n.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if n < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        match core::str::from_utf8(&digits[at..]) {
            Ok(s) => self.push(s),
            Err(_) => crate::trap(),
        }
    }

    /// The text as a string.
    pub fn as_str(&self) -> &str {
        // Only whole strings are ever appended.
        unsafe { core::str::from_utf8_unchecked(&self.bytes[..self.len]) }
    }

    /// The bytes of the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(s: &str) -> Self {
        let mut t = Self::new();
        t.push(s);
        t
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s);
        Ok(())
    }
}
