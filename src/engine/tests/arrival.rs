//! Reports of one order in any order of arrival, told twice, late or never: the end is always the same.
//!
//! What it is not: a wrong report; every one here is true.
//!
//! Invariant: what reports alone cannot say, because some never came, the next snapshot says.

use super::*;
use proptest::prelude::*;
use proptest::strategy::Strategy;

const PARTS_MAX: usize = 4;
/// Dispatch, answer, verdict, order, end, and the fills.
const REPORTS_MAX: usize = 5 + PARTS_MAX;

/// What really became of an order of ten steps.
#[derive(Clone, Debug)]
struct Fate {
    end: OrderState,
    parts: Vec<i64>,
}

/// When a copy of a report comes, and how long nothing happened before.
type Copies = Vec<(u32, i64)>;

fn fates() -> impl Strategy<Value = Fate> {
    let ends = [OrderState::Filled, OrderState::Cancelled, OrderState::Expired, OrderState::Rejected];
    (0..ends.len(), prop::collection::vec(1i64..4, 0..PARTS_MAX)).prop_map(move |(end, mut parts)| {
        let end = ends[end];
        match end {
            // At most nine so far: what is left fills last.
            OrderState::Filled => parts.push(10 - parts.iter().sum::<i64>()),
            OrderState::Rejected => parts.clear(),
            _ => {}
        }
        Fate { end, parts }
    })
}

fn arrivals() -> impl Strategy<Value = Vec<Copies>> {
    let wait_ms = prop_oneof![4 => Just(0i64), 2 => Just(30), 1 => Just(1_200)];
    prop::collection::vec(prop::collection::vec((any::<u32>(), wait_ms), 0..4), REPORTS_MAX)
}

/// An entry under way, and the reports of its fate in their natural order.
struct Case {
    bench: Bench,
    entry: Command,
    fate: Fate,
    deals: Vec<DealEvent>,
}

impl Case {
    fn new(fate: &Fate) -> Self {
        let mut bench = Bench::ready();
        let entry = command(&bench.tick(100_005)).unwrap();
        let deals = fate.parts.iter().map(|qty| bench.deal_of(&entry, *qty)).collect();
        Case { bench, entry, fate: fate.clone(), deals }
    }

    fn report_count(&self) -> usize {
        5 + self.deals.len()
    }

    fn order_event(&self, order_state: u8, transaction: TransactionKind) -> OrderEvent {
        let mut event = OrderEvent::read(&[0; 96]);
        (event.magic, event.ticket) = (self.entry.order_id, self.entry.order_id);
        (event.order_kind, event.order_state, event.transaction) =
            (self.entry.order_kind, order_state, transaction.code());
        (event.qty_initial, event.qty_open) = (self.entry.qty, self.entry.qty);
        event
    }

    /// The order as history has it.
    fn ended(&self) -> OrderEvent {
        let code = match self.fate.end {
            OrderState::Filled => 4,
            OrderState::Cancelled => 2,
            OrderState::Expired => 6,
            _ => 5,
        };
        let mut event = self.order_event(code, TransactionKind::HistoryAdd);
        event.qty_open -= self.fate.parts.iter().sum::<i64>();
        event
    }

    fn tell(&mut self, report: usize) {
        let entry = self.entry;
        match report {
            0 => drop(self.bench.dispatched(&entry)),
            1 => drop(self.bench.result(&entry, 10008)),
            2 => drop(self.bench.result(&entry, 10009)),
            3 => {
                let event = self.order_event(1, TransactionKind::OrderAdd);
                self.bench.give(&event);
            }
            4 => {
                let event = self.ended();
                self.bench.give(&event);
            }
            part => {
                let deal = self.deals[part - 5];
                self.bench.give(&deal);
            }
        }
    }

    fn resolve(&mut self) {
        let mut control = Control::read(&[0; 96]);
        (control.order_id, control.action) = (self.entry.order_id, ControlAction::ResolveNotExecuted as u8);
        self.bench.give(&control);
    }

    /// The session comes back, and the venue tells what it has.
    fn heal(&mut self) {
        self.bench.session(SessionState::Down, ROLE_TRADE);
        let queries = self.bench.session(SessionState::Up, ROLE_TRADE);
        let query: Query = queries.iter().find_map(|record| record.payload()).expect("a query");
        let mut snapshot = Snapshot::read(&[0; 96]);
        snapshot.query_id = query.query_id;
        self.bench.give(&snapshot);
        let ended = self.ended();
        self.bench.give_flagged(&ended, FLAG_SNAPSHOT);
        let mut position = PositionEvent::read(&[0; 96]);
        position.qty = self.fate.parts.iter().sum();
        if position.qty != 0 {
            self.bench.give_flagged(&position, FLAG_SNAPSHOT);
        }
        for deal in self.deals.clone() {
            self.bench.give_flagged(&deal, FLAG_SNAPSHOT);
        }
        snapshot.phase = 1;
        self.bench.give(&snapshot);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let engine = &self.bench.engine;
        let order = engine.orders().order(self.entry.order_id).unwrap();
        let filled: i64 = self.fate.parts.iter().sum();
        prop_assert_eq!(order.state, self.fate.end);
        prop_assert_eq!((order.qty_filled, order.fill_value), (filled, filled * self.entry.price));
        prop_assert_eq!((self.bench.position(), engine.counts().fills), (filled, self.deals.len() as u64));
        prop_assert_eq!((engine.orders().open_count(), engine.orders().unknown_count()), (0, 0));
        let reserved = Side::BOTH.map(|side| engine.orders().reserved(InstrumentId(0), side));
        prop_assert_eq!(reserved, [0; 2]);
        prop_assert_eq!(engine.counts().orders, 1, "something was sent again");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_order_of_arrival_converges(
        fate in fates(),
        arrivals in arrivals(),
        resolved in prop::option::weighted(0.3, any::<u32>()),
    ) {
        let mut case = Case::new(&fate);
        let mut coming = Vec::new();
        let mut is_whole = true;
        for (report, copies) in arrivals.iter().enumerate().take(case.report_count()) {
            coming.extend(copies.iter().map(|(when, wait_ms)| (*when, Some(report), *wait_ms)));
            // Our own lane's word is never lost.
            match copies.is_empty() {
                true if report == 0 => coming.push((0, Some(report), 0)),
                is_lost => is_whole &= !is_lost,
            }
        }
        coming.extend(resolved.map(|when| (when, None, 0)));
        coming.sort_unstable_by_key(|(when, ..)| *when);
        for (_, report, wait_ms) in coming {
            case.bench.wait_ms(wait_ms);
            let state = case.bench.state_of(&case.entry);
            match report {
                Some(report) => case.tell(report),
                None => case.resolve(),
            }
            let after = case.bench.state_of(&case.entry);
            let is_presumed = state == OrderState::Rejected;
            prop_assert!(!state.is_final() || state == after || is_presumed || after == OrderState::Filled);
            let filled = case.bench.engine.orders().order(case.entry.order_id).unwrap().qty_filled;
            prop_assert_eq!(filled, case.bench.position());
            // Whatever is told first: until somebody says that there is nothing, all that was filled is counted or reserved.
            let reserved = case.bench.engine.orders().reserved(InstrumentId(0), Side::Buy);
            let total: i64 = case.fate.parts.iter().sum();
            prop_assert!(resolved.is_some() || filled + reserved >= total, "{} of {}", filled + reserved, total);
        }
        if is_whole {
            case.check()?;
        }
        case.heal();
        case.check()?;
        // What is told again after the end changes nothing, and the journal makes the same.
        for report in 0..case.report_count() {
            case.tell(report);
        }
        case.check()?;
        let (mut recovered, mut spare) = (Engine::new(setup()), Outputs::default());
        case.bench.journal.iter().for_each(|record| recovered.recover(record, &mut spare));
        let id = case.entry.order_id;
        prop_assert_eq!(recovered.orders().order(id), case.bench.engine.orders().order(id));
    }
}

/// An order of ten steps whose end came, by which four were executed, before the deal.
fn ended_before_its_deal() -> Case {
    let mut case = Case::new(&Fate { end: OrderState::Cancelled, parts: vec![4] });
    [0, 1, 4].into_iter().for_each(|report| case.tell(report));
    case
}

#[test]
fn an_end_waits_for_the_fills_that_it_names() {
    let mut case = ended_before_its_deal();
    let reserved = |case: &Case| case.bench.engine.orders().reserved(InstrumentId(0), Side::Buy);
    assert_eq!((case.bench.state_of(&case.entry), reserved(&case)), (OrderState::Acked, 4));
    assert_eq!(command(&case.bench.tick(100_005)), None, "nothing is added to what is not known");
    // A refusal of its rest, and an end that knows of less, take nothing back.
    case.bench.result(&case.entry, 10_006);
    let (entry, mut less) = (case.entry, case.ended());
    less.qty_open = entry.qty;
    case.bench.give(&less);
    assert_eq!((case.bench.state_of(&entry), reserved(&case)), (OrderState::Acked, 4));
    case.tell(5);
    assert_eq!((case.bench.state_of(&entry), reserved(&case)), (OrderState::Cancelled, 0));
    case.check().unwrap();
}

#[test]
fn a_fill_that_an_end_named_and_nobody_told_of_is_a_doubt_that_a_snapshot_ends() {
    let mut case = ended_before_its_deal();
    case.bench.wait_ms(2_000);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Unknown);
    case.heal();
    case.check().unwrap();
}

#[test]
fn an_operator_who_knows_that_nothing_was_filled_ends_the_wait_for_good() {
    let mut case = ended_before_its_deal();
    case.bench.wait_ms(2_000);
    case.resolve();
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Rejected);
    // The venue says the same again, and no deal of it.
    let ended = case.ended();
    case.bench.give_flagged(&ended, FLAG_SNAPSHOT);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Rejected);
    // A deal is a deal.
    case.tell(5);
    assert_eq!((case.bench.state_of(&case.entry), case.bench.position()), (OrderState::Cancelled, 4));
}

/// An order of ten steps that is told filled whole, before its deal. Doubts come late.
fn filled_before_its_deal() -> Case {
    let mut case = Case::new(&Fate { end: OrderState::Filled, parts: vec![10] });
    case.bench = Bench::ready_with(|limits| {
        (limits.unknown_after_ns, limits.page_after_ns) = (3 * NS_PER_S, 5 * NS_PER_S)
    });
    case.entry = command(&case.bench.tick(100_005)).unwrap();
    case.deals = vec![case.bench.deal_of(&case.entry, 10)];
    [0, 1, 4].into_iter().for_each(|report| case.tell(report));
    case
}

fn queries(outputs: &[Record]) -> usize {
    outputs.iter().filter(|record| record.payload::<Query>().is_some()).count()
}

impl Case {
    /// For so long the venue tells whoever asks that the order is over, and of no deal; how often the operator was paged.
    fn listed_without_deal(&mut self, ms: i64) -> usize {
        let mut pages = 0;
        for _ in 0..ms / 100 {
            let outputs = self.bench.wait_ms(100);
            let codes = outputs.iter().filter_map(Record::payload::<Alert>).map(|alert| alert.code);
            pages += codes.filter(|code| *code == AlertCode::UnknownOverdue as u32).count();
            let Some(query) = outputs.iter().find_map(|record| record.payload::<Query>()) else { continue };
            let mut snapshot = Snapshot::read(&[0; 96]);
            snapshot.query_id = query.query_id;
            self.bench.give(&snapshot);
            let ended = self.ended();
            self.bench.give_flagged(&ended, FLAG_SNAPSHOT);
            snapshot.phase = 1;
            self.bench.give(&snapshot);
        }
        pages
    }
}

#[test]
fn an_order_told_filled_waits_for_its_deal_and_asks_only_for_a_late_one() {
    let mut case = filled_before_its_deal();
    let reserved = |case: &Case| case.bench.engine.orders().reserved(InstrumentId(0), Side::Buy);
    assert_eq!((case.bench.state_of(&case.entry), reserved(&case)), (OrderState::Acked, 10));
    let mut outputs = case.bench.wait_ms(500);
    case.tell(5);
    assert_eq!((case.bench.state_of(&case.entry), reserved(&case)), (OrderState::Filled, 0));
    outputs.extend(case.bench.wait_ms(5_000));
    assert_eq!(queries(&outputs), 0, "it came right behind");
    // A second late, it may be lost.
    let mut case = filled_before_its_deal();
    assert_eq!((queries(&case.bench.wait_ms(900)), queries(&case.bench.wait_ms(200))), (0, 1));
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Acked);
    case.heal();
    case.check().unwrap();
}

#[test]
fn an_order_told_filled_whose_deal_never_comes_pages_the_operator_who_ends_it_for_good() {
    let mut case = filled_before_its_deal();
    // In doubt after three seconds, then a page every five, whatever the list says again and again.
    assert_eq!(case.listed_without_deal(3_200), 0);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Unknown);
    assert_eq!(case.listed_without_deal(15_300), 3);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Unknown);
    assert_eq!(case.bench.engine.orders().reserved(InstrumentId(0), Side::Buy), 10);
    case.resolve();
    assert_eq!(case.listed_without_deal(60_000), 0);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Rejected, "told again, it is no news");
    // A deal is a deal.
    case.tell(5);
    assert_eq!((case.bench.state_of(&case.entry), case.bench.position()), (OrderState::Filled, 10));
}

#[test]
fn an_order_told_filled_by_nothing_is_executed_whole() {
    let mut case = Case::new(&Fate { end: OrderState::Filled, parts: vec![10] });
    [0, 1].into_iter().for_each(|report| case.tell(report));
    let ended = OrderEvent { qty_initial: 0, qty_open: 0, ..case.ended() };
    case.bench.give(&ended);
    assert_eq!(case.bench.state_of(&case.entry), OrderState::Acked);
    assert_eq!(case.bench.engine.orders().reserved(InstrumentId(0), Side::Buy), 10);
    case.tell(5);
    case.check().unwrap();
}
