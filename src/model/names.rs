//! Feature names: the file's are held against the row's, in order.
//!
//! What it is not: a mapping. A row in another order is an error at load, not a wrong number later.
//!
//! Invariant: a model that loads has one feature for each value of the row, of the same name or, where the operator
//! allowed it for a file without names, at the same place.

use super::{FEATURES_MAX, LoadOptions, ModelError, Unnamed};

/// Refuses unless the file's names are the row's names, in order.
pub(super) fn matched(file: &[String], row: &[impl AsRef<str>]) -> Result<(), ModelError> {
    bounded(row)?;
    if row.is_empty() {
        return Err(ModelError::Undeclared(file.to_vec()));
    }
    if let Some(name) = file.iter().find(|name| !row.iter().any(|have| have.as_ref() == name.as_str())) {
        return Err(ModelError::FeatureUnknown(name.clone()));
    }
    if let Some(name) = row.iter().find(|name| !file.iter().any(|have| have == name.as_ref())) {
        return Err(ModelError::FeatureExtra(name.as_ref().into()));
    }
    if file.len() != row.len() {
        return Err(ModelError::FeatureRepeated(file.len(), row.len()));
    }
    for (index, (expected, got)) in file.iter().zip(row).enumerate() {
        if expected != got.as_ref() {
            return Err(ModelError::FeatureOrder {
                index,
                expected: expected.clone(),
                got: got.as_ref().into(),
            });
        }
    }
    Ok(())
}

/// The row's own names, for a file without any that the operator takes by position. The caller compares the counts.
pub(super) fn by_position(
    field: &'static str,
    remedy: &'static str,
    row: &[impl AsRef<str>],
    options: &LoadOptions,
) -> Result<Vec<String>, ModelError> {
    bounded(row)?;
    match options.unnamed {
        Unnamed::Refused => Err(ModelError::Unnamed { field, remedy }),
        Unnamed::ByPosition => Ok(row.iter().map(|name| name.as_ref().to_string()).collect()),
    }
}

fn bounded(row: &[impl AsRef<str>]) -> Result<(), ModelError> {
    if row.len() > FEATURES_MAX {
        return Err(ModelError::Limit { what: "features", max: FEATURES_MAX, got: row.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_extra_renamed_repeated_and_reordered_names_are_told_apart() {
        let refusal = |file: &[&str], row: &[&str]| {
            let file: Vec<String> = file.iter().map(ToString::to_string).collect();
            matched(&file, row).unwrap_err()
        };
        assert_eq!(refusal(&["a", "b"], &["a"]), ModelError::FeatureUnknown("b".into()));
        assert_eq!(refusal(&["a"], &["a", "b"]), ModelError::FeatureExtra("b".into()));
        assert_eq!(refusal(&["a", "b"], &["a", "c"]), ModelError::FeatureUnknown("b".into()));
        assert_eq!(refusal(&["a", "a"], &["a"]), ModelError::FeatureRepeated(2, 1));
        let order = ModelError::FeatureOrder { index: 0, expected: "a".into(), got: "b".into() };
        assert_eq!(refusal(&["a", "b"], &["b", "a"]), order);
        let many = vec!["a"; FEATURES_MAX + 1];
        assert!(matches!(matched(&["a".into()], &many), Err(ModelError::Limit { what: "features", .. })));
    }

    #[test]
    fn a_file_without_names_needs_leave() {
        let by_position = |unnamed| {
            by_position("names", "write them", &["a"], &LoadOptions { unnamed, ..LoadOptions::default() })
        };
        assert_eq!(by_position(Unnamed::ByPosition), Ok(vec!["a".to_string()]));
        assert!(by_position(Unnamed::Refused).unwrap_err().to_string().contains("write them"));
    }
}
