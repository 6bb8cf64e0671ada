//! Which agents share a lane, and on which cores: dedicated, fused or shared; `auto` looks and says why.
//!
//! What it is not: it starts no thread; `app` builds lanes from the choice.
//!
//! Invariant: the choice is a function of the cores seen and the wish, so that it can be printed, tested and repeated;
//! core 0, where most hosts put their interrupts, is given to a hot lane only when there is no other.

/// How agents are laid out over threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LaneLayout {
    /// `ingest`, `decide` and `send` each on a core of their own; `persist` on a fourth.
    Dedicated,
    /// `ingest`, `decide` and `send` in turn on one core; `persist` on another thread.
    Fused,
    /// As fused, but pinned nowhere and sleeping when idle: laptops, CI.
    Shared,
}

impl LaneLayout {
    /// The layout a configuration names; `auto` is not one: call [`LayoutChoice::auto`].
    pub fn from_name(name: &str) -> Option<LaneLayout> {
        match name {
            "dedicated" => Some(LaneLayout::Dedicated),
            "fused" => Some(LaneLayout::Fused),
            "shared" => Some(LaneLayout::Shared),
            _ => None,
        }
    }

    /// The name in configurations and reports.
    pub fn name(self) -> &'static str {
        match self {
            LaneLayout::Dedicated => "dedicated",
            LaneLayout::Fused => "fused",
            LaneLayout::Shared => "shared",
        }
    }
}

/// A layout with its cores and the reason for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutChoice {
    /// The layout.
    pub layout: LaneLayout,
    /// Core of the ingest lane; `None` is unpinned. In a fused layout the three hot agents have the same core.
    pub ingest_core: Option<usize>,
    /// Core of the decide lane.
    pub decide_core: Option<usize>,
    /// Core of the send lane.
    pub send_core: Option<usize>,
    /// Core of the persist lane.
    pub persist_core: Option<usize>,
    /// Why, in a sentence for a person.
    pub reason: String,
}

/// The cores this process may use, ascending.
pub fn usable_cores() -> Vec<usize> {
    let mut cores: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect();
    cores.sort_unstable();
    cores
}

impl LayoutChoice {
    /// Looks at the cores this process may use and chooses.
    pub fn auto() -> LayoutChoice {
        Self::auto_for(&usable_cores())
    }

    /// As [`LayoutChoice::auto`], for the given cores (ascending).
    pub fn auto_for(cores: &[usize]) -> LayoutChoice {
        let layout = match cores.len() {
            0..=1 => LaneLayout::Shared,
            2..=5 => LaneLayout::Fused,
            _ => LaneLayout::Dedicated,
        };
        let mut choice = Self::of(layout, cores);
        let count = cores.len();
        choice.reason = match layout {
            LaneLayout::Shared => format!(
                "shared, because {count} usable core{} cannot give a lane one of its own: lanes are unpinned and sleep when idle",
                if count == 1 { "" } else { "s" }
            ),
            LaneLayout::Fused => format!(
                "fused, because of {count} usable cores: the hot agents take turns on core {}, which saves the hops \
                 between cores; the rest is left to persist, control and the system",
                cores[count - 1]
            ),
            LaneLayout::Dedicated => format!(
                "dedicated, because {count} usable cores leave three for ingest, decide and send ({}, {}, {}), one \
                 for persist and some for control and the system",
                cores[count - 3],
                cores[count - 2],
                cores[count - 1]
            ),
        };
        choice
    }

    /// The cores for a layout that was asked for. Hot lanes get the highest cores; where there are too few, lanes stay
    /// unpinned and the reason says so.
    pub fn of(layout: LaneLayout, cores: &[usize]) -> LayoutChoice {
        let from_top = |index: usize| cores.len().checked_sub(index + 1).map(|position| cores[position]);
        let asked = format!("{}, as configured", layout.name());
        match layout {
            LaneLayout::Dedicated if cores.len() >= 4 => LayoutChoice {
                layout,
                ingest_core: from_top(2),
                decide_core: from_top(1),
                send_core: from_top(0),
                persist_core: from_top(3),
                reason: asked,
            },
            LaneLayout::Fused if cores.len() >= 2 => LayoutChoice {
                layout,
                ingest_core: from_top(0),
                decide_core: from_top(0),
                send_core: from_top(0),
                persist_core: from_top(1),
                reason: asked,
            },
            _ => LayoutChoice {
                layout,
                ingest_core: None,
                decide_core: None,
                send_core: None,
                persist_core: None,
                reason: match layout {
                    LaneLayout::Shared => asked,
                    _ => format!("{asked}; not pinned, because {} usable cores are too few", cores.len()),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_number_of_cores_and_says_why() {
        let cases = [
            (0, LaneLayout::Shared),
            (1, LaneLayout::Shared),
            (2, LaneLayout::Fused),
            (4, LaneLayout::Fused),
            (6, LaneLayout::Dedicated),
            (64, LaneLayout::Dedicated),
        ];
        for (count, expected) in cases {
            let cores: Vec<usize> = (0..count).collect();
            let choice = LayoutChoice::auto_for(&cores);
            assert_eq!(choice.layout, expected, "{count} cores");
            assert!(choice.reason.starts_with(expected.name()), "{}", choice.reason);
            assert!(choice.reason.contains(&count.to_string()), "{}", choice.reason);
        }
    }

    #[test]
    fn hot_lanes_get_different_cores_and_leave_core_zero() {
        let cores: Vec<usize> = (0..8).collect();
        let choice = LayoutChoice::auto_for(&cores);
        let used = [choice.ingest_core, choice.decide_core, choice.send_core, choice.persist_core];
        assert_eq!(used, [Some(5), Some(6), Some(7), Some(4)]);
        let fused = LayoutChoice::of(LaneLayout::Fused, &[0, 1]);
        assert_eq!((fused.decide_core, fused.persist_core), (Some(1), Some(0)));
    }

    #[test]
    fn too_few_cores_for_a_wish_are_told() {
        let choice = LayoutChoice::of(LaneLayout::Dedicated, &[0, 1]);
        assert_eq!(choice.decide_core, None);
        assert!(choice.reason.contains("too few"), "{}", choice.reason);
    }
}
