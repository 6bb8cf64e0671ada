//! A document of objects, arrays and values, whichever way it is encoded: JSON and UBJSON are read by the same code.
//!
//! What it is not: a tree of values; the bytes are read once, from front to back.
//!
//! Invariant: no object has a key twice, and nothing is stepped over deeper than [`DEPTH_MAX`].

use super::ModelError;

/// Deepest nesting of objects and arrays that is stepped over.
pub(super) const DEPTH_MAX: usize = 64;
/// Longest number, name or text worth reading.
pub(super) const TEXT_BYTES_MAX: usize = 4_096;
/// Most keys of one object that is read.
const KEYS_MAX: usize = 256;

/// A position in a document. Each method reads one value and fails, naming the byte, where another kind stands.
pub(super) trait Document: Sized {
    /// "Expected this here."
    fn expected(&self, expected: &'static str) -> ModelError;
    /// Opens an object.
    fn object(&mut self) -> Result<(), ModelError>;
    /// The next key of the object being read, or `None` at its end; `first` is true before its first one.
    fn key(&mut self, first: bool) -> Result<Option<String>, ModelError>;
    /// Reads an array, calling `item` at each element; fails past `count_max` elements.
    fn array(
        &mut self,
        count_max: usize,
        item: impl FnMut(&mut Self) -> Result<(), ModelError>,
    ) -> Result<(), ModelError>;
    /// A text, with its escapes resolved.
    fn string(&mut self) -> Result<String, ModelError>;
    /// A number, rounded once, to the nearest `f32`.
    fn f32(&mut self) -> Result<f32, ModelError>;
    /// A number, rounded once, to the nearest `f64`.
    fn f64(&mut self) -> Result<f64, ModelError>;
    /// A whole number.
    fn i32(&mut self) -> Result<i32, ModelError>;
    /// A truth value, or 1 or 0.
    fn truth(&mut self) -> Result<bool, ModelError>;
    /// Steps over one value of any kind.
    fn skip(&mut self) -> Result<(), ModelError>;
    /// Nothing may follow.
    fn end(&mut self) -> Result<(), ModelError>;

    /// Reads an object, calling `read` at the value of each key. A key that comes twice is refused: which of the two a
    /// library takes is nobody's business.
    fn each_key(
        &mut self,
        mut read: impl FnMut(&mut Self, &str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.object()?;
        let mut met: Vec<String> = Vec::new();
        while let Some(key) = self.key(met.is_empty())? {
            if met.contains(&key) {
                return Err(ModelError::KeyRepeated(key));
            }
            if met.len() == KEYS_MAX {
                return Err(self.expected("fewer keys in this object"));
            }
            read(self, &key)?;
            met.push(key);
        }
        Ok(())
    }

    /// Reads an array into `out`.
    fn list<T>(
        &mut self,
        count_max: usize,
        out: &mut Vec<T>,
        mut read: impl FnMut(&mut Self) -> Result<T, ModelError>,
    ) -> Result<(), ModelError> {
        out.clear();
        self.array(count_max, |r| read(r).map(|value| out.push(value)))
    }
}
