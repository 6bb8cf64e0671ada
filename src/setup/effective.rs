//! What a start runs with: for each slot the newer of what configuration and registry name, and what the last run was brought to.
//!
//! What it is not: a choice of models; operators and the configuration make it.
//!
//! Invariant: the last word about a slot counts, whoever wrote it down: a change that the registry's state has, made while no
//! appliance ran or since, is not undone by the journal; one that only the journal has is not lost.

use super::SetupError;
use super::models::{Models, SavedModels};
use super::words::ModelWords;
use crate::engine::Slot;
use crate::record::{ModelAction, ModelChange};
use crate::registry::{ModelSource, State, digest_hex, slot_name};
use crate::types::TimeNs;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What a journal knows of its last start's models.
#[derive(Clone, Debug, Default)]
pub struct LastRun {
    /// What configuration and registry named at that start.
    pub configured: SavedModels,
    /// What it started with.
    pub live: SavedModels,
    /// When it started.
    pub ts_start: TimeNs,
    /// What was changed since, and when.
    pub changes: Vec<(TimeNs, ModelChange)>,
}

impl LastRun {
    /// By the journal's words, of a start whose setup named these models.
    pub fn of(words: &ModelWords, configured: SavedModels, live: SavedModels) -> Self {
        let ts_start = words.ts_start().unwrap_or_default();
        LastRun { configured, live, ts_start, changes: words.changes().collect() }
    }

    fn last_change(&self, slot: Slot) -> Option<&(TimeNs, ModelChange)> {
        self.changes.iter().rev().find(|(_, change)| change.slot == slot.code())
    }

    /// Digest of the model that stood in a slot when the run ended.
    fn at_end(&self, slot: Slot) -> Option<String> {
        match self.last_change(slot) {
            Some((_, change)) => {
                let is_in = ModelAction::from_code(change.action) == Some(ModelAction::Install);
                is_in.then(|| digest_hex(change.digest))
            }
            None => self.live.at(slot).map(str::to_owned),
        }
    }

    /// Whether the run's word about a slot is the last one; `configured` is the digest that is named now, `recorded` when the
    /// registry's state last changed there.
    fn is_newer(&self, slot: Slot, configured: Option<&str>, recorded: Option<TimeNs>) -> bool {
        let changed = self.last_change(slot).map(|(ts, _)| *ts);
        match recorded.filter(|recorded| *recorded > self.ts_start) {
            Some(recorded) => changed.is_some_and(|changed| changed > recorded),
            // Nobody spoke through the registry, so another name is the configuration's own.
            None => configured == self.configured.at(slot),
        }
    }
}

/// The models of a start. `dir` is the journal's folder, `state` the registry's.
pub fn effective(
    dir: &Path,
    configured: &Models,
    state: &State,
    last: &LastRun,
) -> Result<Models, SetupError> {
    let mut models = configured.clone();
    let shadows = last.live.slots().chain(last.changes.iter().map(|(_, change)| change.slot));
    let shadows = shadows.filter_map(Slot::from_code).filter(|slot| matches!(slot, Slot::Shadow(_)));
    let slots: BTreeSet<u8> =
        configured.placed.iter().map(|placed| placed.slot).chain(shadows).map(Slot::code).collect();
    for slot in slots.into_iter().filter_map(Slot::from_code) {
        let named = configured.at(slot).map(|source| digest_hex(source.digest()));
        let recorded = state.history.iter().rev().find(|change| change.slot == slot_name(slot));
        let recorded = recorded.map(|change| TimeNs(change.ts_ns));
        if !last.is_newer(slot, named.as_deref(), recorded) {
            continue;
        }
        match last.at_end(slot) {
            Some(digest) if Some(&digest) == named.as_ref() => {}
            Some(digest) => {
                let wrong = || SetupError::SavedModel { slot: slot.code(), digest: digest.clone() };
                let number = u64::from_str_radix(&digest, 16).map_err(|_| wrong())?;
                models.place(slot, Arc::new(ModelSource::read(dir, number)?));
            }
            None => models.clear(slot),
        }
    }
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::models::SavedModel;

    const MEMBER: Slot = Slot::Member(0);

    fn saved(digest: u64) -> SavedModels {
        let placed = vec![SavedModel { slot: MEMBER.code(), digest: digest_hex(digest) }];
        SavedModels { placed, ..SavedModels::default() }
    }

    /// A run that started at 100 with model 1, and whose slot then took each of these.
    fn run(changes: &[(i64, u64)]) -> LastRun {
        let change = |digest| ModelChange {
            digest,
            version: 1,
            slot: MEMBER.code(),
            action: ModelAction::Install as u8,
            reserved: [0; 2],
            who: [0; 32],
            why: [0; 48],
        };
        LastRun {
            configured: saved(1),
            live: saved(1),
            ts_start: TimeNs(100),
            changes: changes.iter().map(|(ts, digest)| (TimeNs(*ts), change(*digest))).collect(),
        }
    }

    /// What stands in the slot at the next start.
    fn chosen(run: &LastRun, named: u64, recorded: Option<i64>) -> String {
        let named = digest_hex(named);
        let is_newer = run.is_newer(MEMBER, Some(&named), recorded.map(TimeNs));
        if is_newer { run.at_end(MEMBER).unwrap() } else { named }
    }

    #[test]
    fn the_last_word_about_a_slot_counts() {
        // (what the run took, what is named now, when the registry's state last changed, what runs next)
        type Case<'a> = (&'a [(i64, u64)], u64, Option<i64>, u64, &'a str);
        let cases: [Case<'_>; 9] = [
            (&[], 1, None, 1, "nothing happened"),
            (&[(200, 2)], 2, Some(199), 2, "promoted and recorded"),
            (&[(200, 2)], 1, None, 2, "promoted, but not recorded"),
            (&[(200, 2)], 1, Some(50), 2, "promoted, but not recorded, after an older change"),
            (&[(200, 2)], 1, Some(300), 1, "promoted, then rolled back while nothing ran"),
            (&[(200, 2), (300, 3)], 2, Some(199), 3, "promoted twice, the second time not recorded"),
            (&[(200, 2), (300, 1)], 1, Some(299), 1, "promoted and rolled back"),
            (&[], 4, None, 4, "the configuration names another one"),
            (&[], 4, Some(150), 4, "promoted while nothing ran"),
        ];
        for (changes, named, recorded, expected, what) in cases {
            assert_eq!(chosen(&run(changes), named, recorded), digest_hex(expected), "{what}");
        }
    }

    #[test]
    fn what_a_start_took_from_the_journal_stays_until_somebody_speaks() {
        // Its start ran 2, which only an older journal's change named.
        let run = LastRun { live: saved(2), ..run(&[]) };
        assert_eq!(chosen(&run, 1, None), digest_hex(2));
        assert_eq!(chosen(&run, 1, Some(50)), digest_hex(2));
        assert_eq!(chosen(&run, 1, Some(101)), digest_hex(1), "rolled back since");
        assert_eq!(chosen(&run, 5, None), digest_hex(5), "another configuration");
    }
}
