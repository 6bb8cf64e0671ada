//! The resolved configuration as text a person can check: key, value, and who set it.
//!
//! What it is not: a file to load again.
//!
//! Invariant: every key of the schema that has a value is shown, with its origin.

use std::fmt;

use super::Resolved;
use super::validate::Origin;

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.blocks.iter().flat_map(|block| &block.entries);
        let widths = all.map(|entry| (entry.name.len(), entry.value.to_string().len()));
        let (name_width, value_width) =
            widths.fold((0, 0), |most, one| (most.0.max(one.0), most.1.max(one.1.min(40))));
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}", block.section.header())?;
            for entry in &block.entries {
                let value = entry.value.to_string();
                write!(f, "{:name_width$} = {value:value_width$}  ", entry.name)?;
                match &entry.origin {
                    Origin::Default => writeln!(f, "default")?,
                    Origin::Line(file, line) => writeln!(f, "{}:{line}", file.display())?,
                }
            }
        }
        Ok(())
    }
}
