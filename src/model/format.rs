//! Formats of model files, and what may be asked of any of them.
//!
//! What it is not: a reader; it looks at the beginning alone.
//!
//! Invariant: bytes that no known format begins with are refused; nothing is guessed from a file's name.

use super::document::Document;
use super::{ModelError, json};

/// Whose file it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// XGBoost's `save_model("x.json")`.
    XgboostJson,
    /// XGBoost's `save_model("x.ubj")`, its default since 2.1.
    XgboostUbjson,
    /// LightGBM's `save_model("x.txt")`.
    LightgbmText,
    /// CatBoost's `save_model("x.json", format="json")`.
    CatboostJson,
    /// Linear models that `scripts/export-sklearn` wrote.
    LinearJson,
    /// Trees of scikit-learn that `scripts/export-sklearn` wrote.
    ForestJson,
}

/// What is asked of a file beside its bytes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LoadOptions {
    /// How many boosting rounds take part, from the first: all if not said, as the libraries' own boosters predict. A
    /// `best_iteration` in the file is not obeyed unless it is said here: it counts from 0, so say one more.
    pub rounds: Option<u32>,
    /// What becomes of a file that names no features.
    pub unnamed: Unnamed,
}

/// What becomes of a file that names no features.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Unnamed {
    /// It is refused.
    #[default]
    Refused,
    /// Its features are the row's, in order; only their number is compared.
    ByPosition,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] = [
        Format::XgboostJson,
        Format::XgboostUbjson,
        Format::LightgbmText,
        Format::CatboostJson,
        Format::LinearJson,
        Format::ForestJson,
    ];

    /// Its name in configuration and reports.
    pub fn name(self) -> &'static str {
        match self {
            Format::XgboostJson => "xgboost_json",
            Format::XgboostUbjson => "xgboost_ubjson",
            Format::LightgbmText => "lightgbm",
            Format::CatboostJson => "catboost_json",
            Format::LinearJson => "linear_json",
            Format::ForestJson => "forest_json",
        }
    }

    /// The format that the bytes begin as.
    pub fn detect(bytes: &[u8]) -> Result<Self, ModelError> {
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"tree\n") || text.starts_with(b"tree\r\n") {
            return Ok(Format::LightgbmText);
        }
        // A key of UBJSON begins with the type of its length, one of JSON with a quote.
        if let [b'{', b'i' | b'U' | b'I' | b'l' | b'L', ..] = bytes {
            return Ok(Format::XgboostUbjson);
        }
        let mut found = None;
        let _ = json::Reader::new(bytes).each_key(|r, key| {
            found = match key {
                "learner" | "version" => Some(Format::XgboostJson),
                "features_info" | "model_info" | "oblivious_trees" | "scale_and_bias" | "ctr_data" => {
                    Some(Format::CatboostJson)
                }
                "format" => match r.string()?.as_str() {
                    super::linear::FORMAT => Some(Format::LinearJson),
                    super::sklearn::FORMAT => Some(Format::ForestJson),
                    _ => None,
                },
                _ => return r.skip(),
            };
            Err(r.expected("nothing more is read"))
        });
        found.ok_or_else(|| {
            let head = &bytes[..bytes.len().min(16)];
            ModelError::Format(head.escape_ascii().to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_their_beginning() {
        let detect = |text: &str| Format::detect(text.as_bytes());
        assert_eq!(detect("tree\nversion=v4\n"), Ok(Format::LightgbmText));
        assert_eq!(detect(r#" {"learner":{"#), Ok(Format::XgboostJson));
        assert_eq!(detect("{L\0\0\0\0\0\0\0\x07learner{"), Ok(Format::XgboostUbjson));
        assert_eq!(detect(r#"{"new":[1],"model_info":{"#), Ok(Format::CatboostJson));
        assert_eq!(detect(r#"{"format":"tickbridge-linear","#), Ok(Format::LinearJson));
        assert_eq!(detect(r#"{"features":["a"],"format":"tickbridge-forest"}"#), Ok(Format::ForestJson));
        for other in ["", "binf", "{}", r#"{"format":"pmml"}"#, "[1]", "trees", "{\"a\":"] {
            let refusal = detect(other).unwrap_err().to_string();
            assert!(refusal.contains("LightGBM text"), "{other:?}: {refusal}");
        }
    }
}
