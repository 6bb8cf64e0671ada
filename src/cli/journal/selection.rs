//! Which records of a journal are meant: by kind, by order, by number, and how many of the last.
//!
//! What it is not: a query language.
//!
//! Invariant: a name that no kind has is refused with the names there are; a selection of nothing is no error.

use super::JournalCommandError;
use crate::journal::{JournalError, JournalReader};
use crate::record::{FieldValue, Kind, Record};
use std::collections::VecDeque;
use std::path::Path;

/// Options that choose records.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Selection {
    /// Only records of this kind, such as Tick or OrderStateChange; may be given several times
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only records about this order
    #[arg(long, value_name = "ID")]
    order: Option<u64>,
    /// From this record on
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// Up to this record
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// Only the last so many of those chosen
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// A choice that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectionError {
    /// No such kind.
    #[error("--kind: expected one of {}, got `{got}`", names())]
    Kind {
        /// What was asked for.
        got: String,
    },
    /// The range is upside down.
    #[error("--to: expected at least --from, which is {from}, got {to}")]
    Range {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
}

fn names() -> String {
    Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

/// A choice that was understood.
#[derive(Debug)]
struct Chosen {
    kinds: Vec<Kind>,
    order: Option<u64>,
    from: u64,
    to: u64,
}

impl Selection {
    fn understood(&self) -> Result<Chosen, SelectionError> {
        let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
        let kind = |got: &String| {
            let found = Kind::ALL.iter().find(|kind| plain(kind.name()) == plain(got));
            found.copied().ok_or_else(|| SelectionError::Kind { got: got.clone() })
        };
        let to = self.to.unwrap_or(u64::MAX);
        if to < self.from {
            return Err(SelectionError::Range { from: self.from, to });
        }
        let kinds = self.kinds.iter().map(kind).collect::<Result<_, _>>()?;
        Ok(Chosen { kinds, order: self.order, from: self.from, to })
    }

    /// Hands every chosen record over, in order. A journal that ends torn ends there: what stands before is handed over, and
    /// where it tore is said on standard error. Damage anywhere else is an error after the good records before it.
    pub(super) fn each(
        &self,
        journal: &Path,
        take: &mut dyn FnMut(&Record) -> Result<(), JournalCommandError>,
    ) -> Result<(), JournalCommandError> {
        let chosen = self.understood()?;
        let mut last = VecDeque::new();
        let mut damage = None;
        for record in JournalReader::open(journal)? {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    damage = Some(error);
                    break;
                }
            };
            if record.seq() > chosen.to {
                break;
            }
            if !chosen.has(&record) {
                continue;
            }
            match self.last {
                None => take(&record)?,
                Some(count) => {
                    last.push_back(record);
                    if last.len() > count {
                        last.pop_front();
                    }
                }
            }
        }
        last.iter().try_for_each(take)?;
        match damage {
            None => Ok(()),
            Some(torn @ JournalError::Torn { .. }) => {
                eprintln!("tickbridge journal: {torn}");
                Ok(())
            }
            Some(error) => Err(error.into()),
        }
    }
}

impl Chosen {
    fn has(&self, record: &Record) -> bool {
        let is_kind = self.kinds.is_empty() || record.kind().is_some_and(|kind| self.kinds.contains(&kind));
        let is_order = self.order.is_none_or(|order| is_about(record, order));
        record.seq() >= self.from && is_kind && is_order
    }
}

/// Whether a record names the order: by our id, or by the venue's `magic`, which is our id.
fn is_about(record: &Record, order: u64) -> bool {
    let names = ["order_id", "magic"];
    record.fields().any(|(field, value)| names.contains(&field.name) && value == FieldValue::Unsigned(order))
}
