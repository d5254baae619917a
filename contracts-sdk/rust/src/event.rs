use crate::{field, number, Text, MAX_ADDRESS, MAX_KEY};

/// Names a byte field of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field(pub i32);

impl Field {
    /// Address of the event.
    pub const ADDRESS: Field = Field(1);
    /// Key of the event.
    pub const KEY: Field = Field(2);
    /// Value of the event; empty for a delete.
    pub const VALUE: Field = Field(3);
    /// 32 bytes: identity that signed the transaction.
    pub const SENDER: Field = Field(4);
    /// 32 bytes: the transaction's id.
    pub const TXID: Field = Field(5);
    /// The sender's roles, names joined by single spaces.
    pub const ROLES: Field = Field(6);
    /// Name of the running contract.
    pub const CONTRACT: Field = Field(7);
    /// 32 bytes: chain id.
    pub const CHAIN: Field = Field(8);
    /// The sender's name on chain.
    pub const NAME: Field = Field(9);
}

/// Names a numeric field of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub i32);

impl Number {
    /// Height of the block being built, or of the event's block.
    pub const HEIGHT: Number = Number(1);
    /// Time of that block, in microseconds since the Unix epoch.
    pub const TIME: Number = Number(2);
    /// Sequence the event has, or will have when accepted.
    pub const SEQUENCE: Number = Number(3);
    /// What the operation does: see [`Op`].
    pub const OP: Number = Number(4);
    /// The phase, 1 validate, 2 react, 3 query, 4 migrate.
    pub const PHASE: Number = Number(5);
    /// Position of the operation in its transaction.
    pub const OP_INDEX: Number = Number(6);
    /// When the sender says it measured the value, in microseconds; 0 when it does not say.
    pub const AT: Number = Number(7);
}

/// What an operation does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It gets a value.
    Put,
    /// It loses its value.
    Delete,
}

/// Returns what the operation does to its key.
pub fn op() -> Op {
    if number(Number::OP) == 2 {
        Op::Delete
    } else {
        Op::Put
    }
}

/// Returns the address of the event.
pub fn address() -> Text<MAX_ADDRESS> {
    text(Field::ADDRESS)
}

/// Returns the key of the event.
pub fn key() -> Text<MAX_KEY> {
    text(Field::KEY)
}

/// Copies the value of the event to `buf`. Traps when it does not fit; `MAX_VALUE` always does.
pub fn value(buf: &mut [u8]) -> &[u8] {
    field(Field::VALUE, buf)
}

/// Returns the identity that signed the transaction.
pub fn sender() -> [u8; 32] {
    let mut id = [0; 32];
    field(Field::SENDER, &mut id);
    id
}

/// Returns the time of the block in microseconds since the Unix epoch.
pub fn time() -> i64 {
    number(Number::TIME)
}

fn text<const N: usize>(id: Field) -> Text<N> {
    let mut buf = [0; N];
    match core::str::from_utf8(field(id, &mut buf)) {
        Ok(s) => Text::from(s),
        Err(_) => crate::trap(),
    }
}
