//! One way to write a fixed little-endian layout down, for records and for the terminal protocol alike.
//!
//! What it is not: a serialisation framework; there are no optional, nested or growing fields.
//!
//! Invariant: the fields stand in the order written, without padding; `FIELDS` is derived from the same list as the code
//! that reads and writes, so that a table in a document can be held against it by a test.

/// A field of a fixed layout, as documents show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldLayout {
    /// The field's name.
    pub name: &'static str,
    /// Its type: `u8` to `u64`, `i32`, `i64`, `f64` or `u8[N]`.
    pub kind: &'static str,
    /// Bytes from the start of the layout.
    pub offset: usize,
    /// Its size.
    pub bytes: usize,
}

/// A value with a fixed little-endian form.
pub trait Field: Copy {
    /// Size in bytes.
    const BYTES: usize;
    /// The name of the type in documents.
    const KIND: &'static str;
    /// Reads from the first `BYTES` bytes of `from`.
    fn read(from: &[u8]) -> Self;
    /// Writes to the first `BYTES` bytes of `to`.
    fn write(self, to: &mut [u8]);
}

macro_rules! number_fields {
    ($($number:ident),+) => {$(
        impl Field for $number {
            const BYTES: usize = size_of::<$number>();
            const KIND: &'static str = stringify!($number);
            #[inline(always)]
            fn read(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<$number>()];
                bytes.copy_from_slice(&from[..size_of::<$number>()]);
                <$number>::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn write(self, to: &mut [u8]) {
                to[..size_of::<$number>()].copy_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
number_fields!(u8, u16, u32, u64, i32, i64, f64);

macro_rules! text_fields {
    ($($bytes:literal),+) => {$(
        impl Field for [u8; $bytes] {
            const BYTES: usize = $bytes;
            const KIND: &'static str = concat!("u8[", stringify!($bytes), "]");
            #[inline(always)]
            fn read(from: &[u8]) -> Self {
                let mut bytes = [0; $bytes];
                bytes.copy_from_slice(&from[..$bytes]);
                bytes
            }
            #[inline(always)]
            fn write(self, to: &mut [u8]) {
                to[..$bytes].copy_from_slice(&self);
            }
        }
    )+};
}
text_fields!(2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 48, 64);

/// A fixed layout: written once, read, written and documented from the same list.
pub trait Layout: Copy {
    /// Size in bytes; no padding.
    const BYTES: usize;
    /// The fields, in order.
    const FIELDS: &'static [FieldLayout];
    /// Reads from the first `BYTES` bytes of `from`, which must be there.
    fn read(from: &[u8]) -> Self;
    /// Writes to the first `BYTES` bytes of `to`, which must be there.
    fn write(&self, to: &mut [u8]);
}

/// Declares a struct with public fields and its [`Layout`].
#[macro_export]
macro_rules! layout {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$fdoc:meta])* $field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub struct $name { $($(#[$fdoc])* pub $field: $kind),+ }

        impl $crate::record::Layout for $name {
            const BYTES: usize = 0 $(+ <$kind as $crate::record::Field>::BYTES)+;
            const FIELDS: &'static [$crate::record::FieldLayout] = {
                const COUNT: usize = [$(stringify!($field)),+].len();
                const EMPTY: $crate::record::FieldLayout =
                    $crate::record::FieldLayout { name: "", kind: "", offset: 0, bytes: 0 };
                const LIST: [$crate::record::FieldLayout; COUNT] = {
                    let mut list = [EMPTY; COUNT];
                    let mut index = 0;
                    let mut offset = 0;
                    $(
                        list[index] = $crate::record::FieldLayout {
                            name: stringify!($field),
                            kind: <$kind as $crate::record::Field>::KIND,
                            offset,
                            bytes: <$kind as $crate::record::Field>::BYTES,
                        };
                        offset += <$kind as $crate::record::Field>::BYTES;
                        index += 1;
                    )+
                    let _ = (offset, index);
                    list
                };
                &LIST
            };
            #[inline(always)]
            fn read(from: &[u8]) -> Self {
                let from = &from[..Self::BYTES];
                let mut at = 0;
                $(
                    let $field = <$kind as $crate::record::Field>::read(&from[at..]);
                    at += <$kind as $crate::record::Field>::BYTES;
                )+
                let _ = at;
                $name { $($field),+ }
            }
            #[inline(always)]
            fn write(&self, to: &mut [u8]) {
                let to = &mut to[..Self::BYTES];
                let mut at = 0;
                $(
                    $crate::record::Field::write(self.$field, &mut to[at..]);
                    at += <$kind as $crate::record::Field>::BYTES;
                )+
                let _ = at;
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public structs, here inside a private module")]
mod tests {
    use super::*;

    layout! {
        /// A layout with every width.
        pub struct Sample {
            /// One byte.
            small: u8,
            /// Text.
            text: [u8; 3],
            /// Four bytes.
            middle: u32,
            /// A double.
            real: f64,
        }
    }

    #[test]
    fn the_bytes_and_the_table_come_from_one_list() {
        let sample = Sample { small: 1, text: *b"abc", middle: 0x0403_0201, real: 1.5 };
        let mut bytes = [0; 16];
        sample.write(&mut bytes);
        assert_eq!(bytes, [1, b'a', b'b', b'c', 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
        assert_eq!(Sample::read(&bytes), sample);
        assert_eq!(Sample::BYTES, 16);
        assert_eq!(Sample::FIELDS[1], FieldLayout { name: "text", kind: "u8[3]", offset: 1, bytes: 3 });
        assert_eq!(Sample::FIELDS[3].offset, 8);
    }
}
