//! The kill switch while a hot lane hangs: its thread is stopped in the middle of whatever it does, as a debugger stops one.
//!
//! What it is not: a test of what a kill does to an engine that works (`kill_switch.rs`), nor of what is held back on its way out
//! (`agents/killed/tests.rs`).
//!
//! Invariant: what is killed is cancelled and closed at the venue although that thread never runs again; nothing is executed twice, and
//! the journal says how it came about.
#![allow(unsafe_code)] // One thread of another process is stopped by ptrace: there is no safe call for that.

mod rig;

use rig::console::{done, place_with, status};
use rig::{Process, stderr, until};
use std::path::Path;
use tickbridge::engine::AlertCode;
use tickbridge::record::{Alert, Command, KillSwitch, KillTrigger, Record, Start};

/// The thread of a process that runs the engine.
fn engine_thread(process: u32) -> i32 {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let named = |task: &Path| {
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        ["tb-hot", "tb-decide"].contains(&name.trim())
    };
    let mut tasks = tasks.map(|task| task.unwrap().path());
    let task = tasks.find(|task| named(task)).expect("a lane with the engine");
    task.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

/// Stops one thread, for good; the others go on.
fn stop(thread: i32) {
    let none = std::ptr::null_mut::<libc::c_void>();
    for request in [libc::PTRACE_SEIZE, libc::PTRACE_INTERRUPT] {
        // SAFETY: neither request reads or writes memory of this process; both pointers are ignored.
        let answer = unsafe { libc::ptrace(request, thread, none, none) };
        let error = std::io::Error::last_os_error();
        assert_eq!(
            answer, 0,
            "this test needs leave to trace its own child (kernel.yama.ptrace_scope): {error}"
        );
    }
    until("the thread stands still", || took_note_of(thread).then_some(()));
}

/// A thread that stands still until the test is over: a process cannot end while one of its threads waits to be looked at.
struct Stopped(i32);

impl Drop for Stopped {
    fn drop(&mut self) {
        let none = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: the request neither reads nor writes memory of this process; a thread that is gone is an error that changes nothing.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, none, none) };
    }
}

/// Takes note of what became of a stopped thread: until then its end would hold up the process.
fn took_note_of(thread: i32) -> bool {
    let mut status = 0;
    // SAFETY: `status` is a whole integer that lives as long as the call.
    let answer = unsafe { libc::waitpid(thread, &raw mut status, libc::WNOHANG | libc::__WALL) };
    answer == thread
}

fn starts(records: &[Record]) -> usize {
    records.iter().filter(|record| record.payload::<Start>().is_some()).count()
}

#[test]
fn what_is_killed_is_closed_although_the_engine_never_wakes() {
    let sections = "[alerts]\nfile = \"alerts.jsonl\"\n";
    // What is held stays held: no score turns it round, and no price and no time closes it.
    let changes = [
        ("[appliance]\n", "[appliance]\nkill_hung_ms = 300\n"),
        ("exit_long_below = 0.51", "exit_long_below = 0.0"),
        ("enter_short_below = 0.48", "enter_short_below = 0.0"),
        ("stop_loss_points = 300", "stop_loss_points = 30000"),
        ("take_profit_points = 300", "take_profit_points = 30000"),
        ("hold_ms_max = 10000", "hold_ms_max = 0"),
    ];
    let place = place_with(sections, &changes);
    let mut appliance: Process = place.appliance(&["--arm", "anna: a test"]);
    let _terminal = place.terminal(&[]);
    until("it holds something", || (status(&place)["position_lots"].as_f64()? != 0.0).then_some(()));
    let thread = engine_thread(appliance.id());
    stop(thread);
    let _stopped = Stopped(thread);
    let held = until("the venue has it", || Some(place.terminal_position()).filter(|steps| *steps != 0));

    // The word is not taken by the engine; the flag and the latch are there at once.
    let (code, words) = rig::console::said(&place, &["kill", "--flatten"]);
    assert_eq!(code, 0, "{words}");
    until("a fresh process takes over", || {
        took_note_of(thread);
        appliance.words().contains("a fresh process takes this one's place").then_some(())
    });
    until("it listens", || {
        took_note_of(thread);
        (appliance.words().matches("listening: ").count() >= 2).then_some(())
    });
    assert!(appliance.runs(), "under the same number");
    until("nothing is held at the venue", || (place.terminal_position() == 0).then_some(()));
    until("it knows", || (status(&place)["position_lots"].as_f64()? == 0.0).then_some(()));
    assert_eq!(
        status(&place)["trading"],
        "halted",
        "the word that armed the first process is not said again"
    );
    until("somebody is told", || {
        let text = std::fs::read_to_string(place.path("alerts.jsonl")).ok()?;
        text.lines().any(|line| line.contains("\"code_name\":\"LaneHung\"")).then_some(())
    });
    done(&place, &["activate"]);
    rig::console::until_orders(&place);
    appliance.terminate();
    assert!(appliance.ended().success());

    let records = place.records();
    println!("{held} steps were held when the engine stopped");
    let kills: Vec<u8> =
        records.iter().filter_map(Record::payload::<KillSwitch>).map(|kill| kill.trigger).collect();
    // The first process died with the word in its queue.
    assert_eq!((kills, starts(&records)), (vec![KillTrigger::Latch as u8], 2));
    let second = records.iter().rposition(|record| record.payload::<Start>().is_some()).unwrap();
    let opened = records[second..]
        .iter()
        .take_while(|record| record.payload::<tickbridge::record::Control>().is_none())
        .filter(|record| record.payload::<Command>().is_some() && record.aux() & 1 == 0);
    assert_eq!(opened.count(), 0, "nothing opens before the operator's word");
    let is_told = |alert: Alert| alert.code == AlertCode::LaneHung as u32;
    assert_eq!(records.iter().filter_map(Record::payload).filter(|alert| is_told(*alert)).count(), 1);
    assert_eq!(place.truth()["executed_twice"], 0);
    let verified = place.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}
