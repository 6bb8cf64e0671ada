//! Why a model is refused.
//!
//! What it is not: an error of asking. A loaded model always answers.
//!
//! Invariant: each refusal names the field and says what was expected and what was got.

/// Sorted by whose fault it is: the file's bytes, a file of a kind we do not run, the operator's configuration.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ModelError {
    /// Not JSON or UBJSON, or another type than this place of the format has.
    #[error("model byte {byte}: expected {expected}, got {got:?}")]
    Syntax {
        /// Where.
        byte: usize,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// A field with a value it must not have.
    #[error("model {field}: expected {expected}, got {got}")]
    Field {
        /// Its name in the file.
        field: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// One key, twice in an object.
    #[error("model key {0:?}: expected once in its object, got twice")]
    KeyRepeated(String),
    /// No format that is known begins like this.
    #[error(
        "model file: expected XGBoost JSON or UBJSON, LightGBM text, CatBoost JSON or an exported model, got {0:?}"
    )]
    Format(String),
    /// The file names no features, so nothing can be matched.
    #[error(
        "model {field}: expected the names of its features, got none; {remedy}, or allow a model without names to be taken by position"
    )]
    Unnamed {
        /// Where the names belong.
        field: &'static str,
        /// How the library writes them.
        remedy: &'static str,
    },
    /// A field that must be there.
    #[error("model {0}: expected this field, got a file without it")]
    Missing(&'static str),
    /// A tree that is not one.
    #[error("model tree {tree} node {node}: expected {expected}, got {got}")]
    Tree {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// What a tree has.
        expected: &'static str,
        /// What this one has.
        got: String,
    },
    /// More than we take.
    #[error("model {what}: expected at most {max}, got {got}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many we take.
        max: usize,
        /// How many there are.
        got: usize,
    },
    /// A legal model that we cannot reproduce exactly.
    #[error("model {field}: {got} is not supported; expected {expected}")]
    Unsupported {
        /// Its name in the file.
        field: &'static str,
        /// What is supported.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// A key that might change the meaning of the model.
    #[error("model {place}: key {key:?} is unknown; expected only keys that are understood")]
    UnknownKey {
        /// Which object.
        place: &'static str,
        /// Which key.
        key: String,
    },
    /// No feature is declared at all; these are the model's own, in its order.
    #[error("model features: expected to be declared, got no feature; the model has {}", .0.join(", "))]
    Undeclared(Vec<String>),
    /// The model wants a feature that is not declared.
    #[error("model feature {0:?}: expected to be declared, got no feature of that name")]
    FeatureUnknown(String),
    /// A feature is declared that the model does not know.
    #[error("feature {0:?} is declared: expected to be in the model, got a model without it")]
    FeatureExtra(String),
    /// Same names, other order.
    #[error("model feature {index}: expected {expected:?} as in the model, got {got:?} declared there")]
    FeatureOrder {
        /// Place in the row.
        index: usize,
        /// The model's name for it.
        expected: String,
        /// The declared name.
        got: String,
    },
    /// A name more than once.
    #[error("model features: expected each name once, got {0} names in the model for {1} declared")]
    FeatureRepeated(usize, usize),
}
