//! What engines say to each other, byte by byte.
//!
//! Every message begins with [`VERSION`]; one of another version is refused. Numbers are little
//! endian and of fixed size; lengths are u32; an `Option` is a byte, 0 or 1; an enum is its number
//! as a byte, then its fields. Decoding never reads beyond the message, allocates no more than the
//! message is long, and refuses what is left over.

mod catalog;
mod data;
mod message;
#[cfg(test)]
mod wire_test;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;

pub(super) use self::message::{
    Answer, Asked, Call, Deadline, FromLeader, OpenStream, Order, Reply, ToLeader,
};

/// Changes with every change of a layout below.
const VERSION: u8 = 7;

/// A message can't be read: it is of another version, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What is left of a message.
#[derive(Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.bytes(N)?.try_into().map_err(|_| Unreadable)
    }

    /// A length that the rest of the message can hold, at a byte an element.
    fn length(&mut self) -> Result<usize, Unreadable> {
        let length = u32::take(self)? as usize;
        if length > self.0.len() { Err(Unreadable) } else { Ok(length) }
    }
}

/// Has a layout on the wire.
pub(super) trait Wire: Sized {
    fn put(&self, into: &mut Vec<u8>);
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable>;
}

pub(super) fn encode(message: &impl Wire) -> Bytes {
    let mut bytes = vec![VERSION];
    message.put(&mut bytes);
    bytes.into()
}

pub(super) fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Unreadable> {
    let mut cursor = Cursor(bytes);
    if u8::take(&mut cursor)? != VERSION {
        return Err(Unreadable);
    }
    let message = T::take(&mut cursor)?;
    if cursor.0.is_empty() { Ok(message) } else { Err(Unreadable) }
}

/// Reads bytes as each message that they could be, for `fuzz`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(bytes: &[u8]) {
    // Nearly all of them are refused.
    let _ = (decode::<Call>(bytes), decode::<Answer>(bytes), decode::<OpenStream>(bytes));
    let _ = (decode::<ToLeader>(bytes), decode::<FromLeader>(bytes));
}

macro_rules! wire_numbers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            fn put(&self, into: &mut Vec<u8>) {
                into.extend(self.to_le_bytes());
            }
            fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
                Ok(Self::from_le_bytes(from.array()?))
            }
        }
    )*};
}
wire_numbers!(u8, u16, u32, u64, u128, i16, i32, i64, f64);

impl Wire for usize {
    fn put(&self, into: &mut Vec<u8>) {
        (*self as u64).put(into);
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Self::try_from(u64::take(from)?).map_err(|_| Unreadable)
    }
}

impl Wire for bool {
    fn put(&self, into: &mut Vec<u8>) {
        into.push(u8::from(*self));
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable),
        }
    }
}

impl Wire for () {
    fn put(&self, _into: &mut Vec<u8>) {}
    fn take(_from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok(())
    }
}

fn put_length(length: usize, into: &mut Vec<u8>) {
    // Messages are far smaller than 4 GiB: the transport refuses larger ones.
    (length as u32).put(into);
}

impl Wire for String {
    fn put(&self, into: &mut Vec<u8>) {
        put_length(self.len(), into);
        into.extend(self.as_bytes());
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        let length = from.length()?;
        Self::from_utf8(from.bytes(length)?.to_vec()).map_err(|_| Unreadable)
    }
}

impl Wire for Arc<str> {
    fn put(&self, into: &mut Vec<u8>) {
        put_length(self.len(), into);
        into.extend(self.as_bytes());
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        let length = from.length()?;
        Ok(std::str::from_utf8(from.bytes(length)?).map_err(|_| Unreadable)?.into())
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, into: &mut Vec<u8>) {
        put_length(self.len(), into);
        for element in self {
            element.put(into);
        }
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        let length = from.length()?;
        // Grows with what is really there, not with what the length claims.
        let mut elements = Self::new();
        for _ in 0..length {
            elements.push(T::take(from)?);
        }
        Ok(elements)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, into: &mut Vec<u8>) {
        self.is_some().put(into);
        if let Some(value) = self {
            value.put(into);
        }
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        if bool::take(from)? { T::take(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, into: &mut Vec<u8>) {
        self.is_ok().put(into);
        match self {
            Ok(value) => value.put(into),
            Err(error) => error.put(into),
        }
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok(if bool::take(from)? { Ok(T::take(from)?) } else { Err(E::take(from)?) })
    }
}

impl<T: Wire> Wire for Arc<T> {
    fn put(&self, into: &mut Vec<u8>) {
        (**self).put(into);
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        T::take(from).map(Self::new)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, into: &mut Vec<u8>) {
        self.0.put(into);
        self.1.put(into);
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl<K: Wire + Eq + Hash, V: Wire> Wire for HashMap<K, V> {
    fn put(&self, into: &mut Vec<u8>) {
        put_length(self.len(), into);
        for (key, value) in self {
            key.put(into);
            value.put(into);
        }
    }
    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Ok(Vec::<(K, V)>::take(from)?.into_iter().collect())
    }
}

/// The layout of a struct: its fields in order.
macro_rules! wire_struct {
    ($($name:ty { $($field:ident),* $(,)? })*) => {$(
        impl $crate::engine::wire::Wire for $name {
            fn put(&self, into: &mut Vec<u8>) {
                $($crate::engine::wire::Wire::put(&self.$field, into);)*
            }
            fn take(
                from: &mut $crate::engine::wire::Cursor<'_>,
            ) -> Result<Self, $crate::engine::wire::Unreadable> {
                Ok(Self { $($field: $crate::engine::wire::Wire::take(from)?),* })
            }
        }
    )*};
}

/// The layout of an enum: a variant's number, then its fields in order.
macro_rules! wire_enum {
    ($name:ty { $($number:literal => $variant:ident $(($($tuple:ident),*))? $({ $($field:ident),* $(,)? })?),* $(,)? }) => {
        impl $crate::engine::wire::Wire for $name {
            fn put(&self, into: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($tuple),*))? $({ $($field),* })? => {
                        into.push($number);
                        $($($crate::engine::wire::Wire::put($tuple, into);)*)?
                        $($($crate::engine::wire::Wire::put($field, into);)*)?
                    })*
                }
            }
            fn take(
                from: &mut $crate::engine::wire::Cursor<'_>,
            ) -> Result<Self, $crate::engine::wire::Unreadable> {
                Ok(match u8::take(from)? {
                    $($number => {
                        $($(let $tuple = $crate::engine::wire::Wire::take(from)?;)*)?
                        $($(let $field = $crate::engine::wire::Wire::take(from)?;)*)?
                        Self::$variant $(($($tuple),*))? $({ $($field),* })?
                    })*
                    _ => return Err($crate::engine::wire::Unreadable),
                })
            }
        }
    };
}
pub(super) use {wire_enum, wire_struct};
