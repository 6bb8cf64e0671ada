//! The kill switch's files and flag over starts, faults and an engine that takes nothing.
//!
//! What it is not: a running appliance; `tests/kill_switch.rs` has one.
//!
//! Invariant: whatever is done to the files, what was killed stays killed until the operator's word.

use super::*;
use crate::types::{FixedText, InstrumentId, StrategyId, VenueId};

fn config() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo.toml");
    Config::load(&path).expect("the demo's configuration")
}

/// A door as a start without an operator's word opens it.
fn started(dir: &Path, config: &Config) -> KillDoor {
    let mut door = KillDoor::open(dir);
    door.take_up(config);
    door
}

fn untold(door: &KillDoor) -> Vec<(Scope, bool, KillTrigger)> {
    door.untold.iter().map(|kill| (kill.scope, kill.flatten, kill.trigger)).collect()
}

fn is_killed(door: &KillDoor, instrument: u16) -> bool {
    door.flag.is_killed(StrategyId(1), VenueId(0), InstrumentId(instrument))
}

fn by(who: &str, scope: Scope, flatten: bool) -> Kill {
    let text = |text| FixedText::new(text).unwrap();
    Kill {
        scope,
        flatten,
        trigger: KillTrigger::Command,
        who: text(who),
        why: FixedText::new("a test").unwrap(),
    }
}

#[test]
fn the_file_is_obeyed_once_it_stands_and_the_latch_outlives_the_door() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    assert!(!door.has_untold() && door.look(&config).is_empty());
    let file = dir.path().join(FILE);
    std::fs::write(&file, "").unwrap();
    assert!(door.look(&config).is_empty(), "somebody may still be writing");
    std::fs::remove_file(&file).unwrap();
    assert!(door.look(&config).is_empty());
    std::fs::write(&file, format!("instrument={} flatten", config.instruments[0].name)).unwrap();
    assert!(door.look(&config).is_empty());
    let kills = door.look(&config);
    assert_eq!(kills.len(), 1);
    assert!(door.look(&config).is_empty(), "once");
    door.latch(&kills[0], &config).unwrap();
    std::fs::remove_file(&file).unwrap();

    let mut door = started(dir.path(), &config);
    assert_eq!(door.untold, [Kill { trigger: KillTrigger::Latch, ..kills[0] }]);
    assert!(is_killed(&door, 0));
    door.rearm().unwrap();
    assert!(!is_killed(&door, 0) && !door.has_files());
    assert!(!started(dir.path(), &config).has_untold());
}

#[test]
fn a_file_that_is_rewritten_at_every_look_is_obeyed_at_the_third() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    for round in 0..2 {
        let found = [0, 1, 2].map(|look| {
            std::fs::write(dir.path().join(FILE), format!("all\nwhy: {round} {look}")).unwrap();
            door.look(&config).len()
        });
        assert_eq!(found, [0, 0, 1]);
    }
}

#[test]
fn a_pipe_a_folder_and_a_long_file_kill_everything() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let file = dir.path().join(FILE);
    let scope = format!("instrument={}", config.instruments[0].name);
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let all = (Scope::All, false, KillTrigger::File);
    assert_eq!(untold(&started(dir.path(), &config)), [all]);
    let mut door = started(tempfile::tempdir().unwrap().path(), &config);
    door.dir = dir.path().to_owned();
    assert!(door.look(&config).is_empty());
    assert_eq!(door.look(&config).iter().map(|kill| kill.scope).collect::<Vec<_>>(), [Scope::All]);
    door.rearm().unwrap();
    assert!(!door.has_files());
    std::fs::write(&file, format!("{scope}\n{}", " ".repeat(FILE_BYTES_MAX as usize))).unwrap();
    assert_eq!(untold(&started(dir.path(), &config)), [all]);
    std::fs::remove_file(&file).unwrap();
    for name in [KILLED, LATCH] {
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
    std::fs::create_dir(&file).unwrap();
    assert_eq!(untold(&started(dir.path(), &config)), [all]);
}

#[test]
fn a_file_that_is_there_at_the_start_is_latched_and_told() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join(FILE), "all\nwho: anna\n").unwrap();
    let door = started(dir.path(), &config);
    assert_eq!(untold(&door), [(Scope::All, false, KillTrigger::File)]);
    let notes: Vec<String> = door.notes().collect();
    assert!(
        notes[0].starts_with("killed all by anna: ") && notes[1].starts_with("killed: all anna: "),
        "{notes:?}"
    );
    std::fs::remove_file(dir.path().join(FILE)).unwrap();
    assert!(std::fs::read_to_string(dir.path().join(LATCH)).unwrap().starts_with("killed by anna: "));
    let door = started(dir.path(), &config);
    assert_eq!(untold(&door), [(Scope::All, false, KillTrigger::Latch)]);
    assert_eq!(door.killed().len(), 1);
}

#[test]
fn a_latch_that_is_empty_or_unreadable_kills_everything() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let path = dir.path().join(KILLED);
    let scope = format!("instrument={}", config.instruments[0].name);
    for text in [Vec::new(), b"\n \n".to_vec(), vec![b'x'; KILLED_BYTES_MAX as usize + 1]] {
        std::fs::write(&path, &text).unwrap();
        let mut door = started(dir.path(), &config);
        assert_eq!(untold(&door), [(Scope::All, false, KillTrigger::Latch)]);
        assert_eq!(door.killed(), [UNREADABLE]);
        // It stays so when it is written again.
        door.latch(&by("anna", Scope::Instrument(InstrumentId(0)), false), &config).unwrap();
        let again = started(dir.path(), &config);
        assert_eq!(again.killed(), [UNREADABLE, &format!("{scope} anna: a test")]);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(started(dir.path(), &config).killed(), [UNREADABLE]);
}

#[test]
fn a_long_latch_is_read_to_its_end_and_has_a_line_for_each_scope() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let one = Scope::Instrument(InstrumentId(0));
    let gone = (0..400).map(|index| format!("strategy={} anna: a test\n", 1_000 + index));
    let scope = format!("instrument={}", config.instruments[0].name);
    let text: String = gone.chain([format!("{scope} anna: a test\n")]).collect();
    assert!(text.len() > 8_192);
    std::fs::write(dir.path().join(KILLED), &text).unwrap();
    let mut door = started(dir.path(), &config);
    assert_eq!(untold(&door)[1], (one, false, KillTrigger::Latch));
    for who in ["bert", "carl", "dora"] {
        door.latch(&by(who, one, false), &config).unwrap();
    }
    assert_eq!(std::fs::read_to_string(dir.path().join(KILLED)).unwrap(), text);
    door.latch(&by("emil", one, true), &config).unwrap();
    door.latch(&by("fred", one, false), &config).unwrap();
    let last = format!("{scope} flatten emil: a test");
    assert_eq!((door.killed().len(), door.killed().last()), (401, Some(&last)));
    assert_eq!(std::fs::read_to_string(dir.path().join(KILLED)).unwrap().lines().last(), Some(last.as_str()));
}

#[test]
fn what_the_engine_had_no_room_for_waits_in_order_until_it_is_told() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    let kills = [0, 1, 2].map(|id| by("anna", Scope::Instrument(InstrumentId(id)), false));
    kills.iter().for_each(|kill| door.hold(kill));
    door.hold(&kills[0]);
    let (mut told, mut room) = (Vec::new(), 1);
    let mut tell = |door: &mut KillDoor, more: usize| {
        room += more;
        door.tell(|kill| {
            room = room.checked_sub(1).ok_or(ControlError::QueueFull)?;
            told.push(*kill);
            Ok(())
        })
    };
    assert_eq!(tell(&mut door, 0), Err(ControlError::QueueFull));
    assert_eq!(tell(&mut door, 0), Err(ControlError::QueueFull));
    assert!(door.has_untold() && is_killed(&door, 2), "the flag waits for nobody");
    assert_eq!(tell(&mut door, 5), Ok(()));
    assert!(!door.has_untold());
    assert_eq!(told, kills);
}

fn latch_of(dir: &Path) -> Option<String> {
    std::fs::read_to_string(dir.join(KILLED)).ok()
}

#[test]
fn one_scope_ends_with_its_line_and_others_stay_killed_over_a_start() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    let (one, venue) = (Scope::Instrument(InstrumentId(0)), Scope::Venue(VenueId(0)));
    for kill in [by("anna", one, true), by("bert", venue, false)] {
        door.hold(&kill);
        door.latch(&kill, &config).unwrap();
    }
    let bert = format!("venue={} bert: a test", config.venues[0].name);
    // A scope that covers the same and was not killed ends nothing.
    door.end(Scope::Strategy(StrategyId(config.appliance.strategy_id)), &config).unwrap();
    assert_eq!(door.killed().len(), 2);
    door.end(one, &config).unwrap();
    assert_eq!((door.killed(), door.is_latched()), (&[bert.clone()][..], true));
    assert_eq!(latch_of(dir.path()), Some(format!("{bert}\n")));
    assert!(is_killed(&door, 0), "the venue's kill covers it");
    let mut again = started(dir.path(), &config);
    assert_eq!(untold(&again), [(venue, false, KillTrigger::Latch)]);
    assert!(is_killed(&again, 0));
    again.end(venue, &config).unwrap();
    assert!(!is_killed(&again, 0) && !again.has_files(), "an empty latch would kill everything");
    assert!(!started(dir.path(), &config).has_untold());
}

#[test]
fn with_its_scope_goes_a_file_that_named_it_and_what_else_it_named_stays_killed() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let file = dir.path().join(FILE);
    let (one, venue) = (Scope::Instrument(InstrumentId(0)), Scope::Venue(VenueId(0)));
    let [instrument_named, venue_named] = [one, venue].map(|scope| crate::app::kill::name_of(scope, &config));
    std::fs::write(&file, &venue_named).unwrap();
    let mut door = started(dir.path(), &config);
    let anna = by("anna", one, false);
    door.hold(&anna);
    door.latch(&anna, &config).unwrap();
    door.end(one, &config).unwrap();
    assert!(file.exists(), "it named another scope");
    // What it asks for now was not done.
    std::fs::write(&file, format!("{venue_named} {instrument_named}")).unwrap();
    let refused = door.end(venue, &config).unwrap_err();
    assert!(matches!(refused, AnswerError::NotObeyed(_)), "{refused}");
    assert!(file.exists() && is_killed(&door, 0) && door.killed().len() == 1);
    assert!(door.look(&config).is_empty());
    for kill in door.look(&config) {
        door.hold(&kill);
        door.latch(&kill, &config).unwrap();
    }
    door.end(one, &config).unwrap();
    assert!(!file.exists());
    let started = started(dir.path(), &config);
    assert_eq!(untold(&started), [(venue, false, KillTrigger::Latch)]);
    // The same file once more is a new word.
    std::fs::write(&file, format!("{venue_named} {instrument_named}")).unwrap();
    assert!(door.look(&config).is_empty());
    assert_eq!(door.look(&config).len(), 2);
}

#[test]
fn where_the_disk_fails_the_scope_stays_killed_and_is_asked_for_again() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    let one = Scope::Instrument(InstrumentId(0));
    let anna = by("anna", one, false);
    door.hold(&anna);
    door.latch(&anna, &config).unwrap();
    let path = dir.path().join(KILLED);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let failed = door.end(one, &config).unwrap_err();
    assert!(matches!(failed, AnswerError::Latch { .. }), "{failed}");
    assert!(is_killed(&door, 0) && door.killed().len() == 1 && !door.is_latched());
    std::fs::remove_dir(&path).unwrap();
    door.end(one, &config).unwrap();
    assert!(!is_killed(&door, 0) && !door.has_files());
}

#[test]
fn what_the_configuration_does_not_know_any_more_ends_with_everything_alone() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join(KILLED), "instrument=GONE anna: a test\n").unwrap();
    let mut door = started(dir.path(), &config);
    assert_eq!(door.scopes(&config).map(|(scope, _)| scope).collect::<Vec<_>>(), [Scope::All]);
    door.end(Scope::Instrument(InstrumentId(0)), &config).unwrap();
    assert!(is_killed(&door, 0) && latch_of(dir.path()).is_some());
    door.rearm().unwrap();
    assert!(!is_killed(&door, 0) && !door.has_files());
}

#[test]
fn a_file_that_was_not_obeyed_is_not_removed() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    let file = dir.path().join(FILE);
    door.hold(&by("anna", Scope::Instrument(InstrumentId(0)), false));
    std::fs::write(&file, "all").unwrap();
    let refused = door.rearm().unwrap_err();
    assert!(matches!(refused, AnswerError::NotObeyed(_)), "{refused}");
    assert!(file.exists() && is_killed(&door, 0), "nothing was taken back");
    assert!(door.look(&config).is_empty());
    assert_eq!(door.look(&config).len(), 1);
    door.check_obeyed().unwrap();
    door.rearm().unwrap();
    assert!(!file.exists() && !is_killed(&door, 0));
}

#[test]
fn an_armed_start_is_about_the_file_as_it_stood_then() {
    let (mut config, dir) = (config(), tempfile::tempdir().unwrap());
    config.appliance.state_dir = dir.path().to_owned();
    let file = dir.path().join(FILE);
    std::fs::write(&file, "all").unwrap();
    let arm = || "anna: checked".parse().ok();
    let mut door = KillDoor::start(&config, arm());
    assert!(!door.has_untold() && !is_killed(&door, 0));
    std::fs::write(&file, "all flatten").unwrap();
    assert!(door.rearm().is_err() && file.exists());
    let mut door = KillDoor::start(&config, arm());
    door.rearm().unwrap();
    assert!(!door.has_files());
}

#[test]
fn a_kill_of_everything_leaves_the_latch_of_a_halt_as_well() {
    let (config, dir) = (config(), tempfile::tempdir().unwrap());
    let mut door = started(dir.path(), &config);
    std::fs::write(dir.path().join(LATCH), "lane send: ended\n").unwrap();
    door.latch(&kills_of("", KillTrigger::File, &config)[0], &config).unwrap();
    let words = std::fs::read_to_string(dir.path().join(LATCH)).unwrap();
    assert!(words.starts_with("lane send: ended\nkilled by file: "), "{words}");
}
