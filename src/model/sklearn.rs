//! x
use super::forest::Forest;
use super::{LoadOptions, ModelError};
/// x
pub(super) const FORMAT: &str = "tickbridge-forest";
pub(super) fn load(_: &[u8], _: &[impl AsRef<str>], _: &LoadOptions) -> Result<Forest, ModelError> {
    Err(ModelError::Missing("x"))
}
