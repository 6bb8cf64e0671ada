//! What is reported, in which order, and what it did to the account.
//!
//! What it is not: return codes (`codes.rs`).
//!
//! Invariant: the order is the observed one unless the broker was told to shuffle.

use super::*;
use crate::sim::terminal::broker::TransactionOrder;

#[test]
fn transactions_come_in_the_observed_order_with_the_documented_fields() {
    let mut desk = Desk::new(MarginMode::Hedging);
    assert_eq!(desk.retcode(&buy(0.5)), retcode::DONE);
    assert_eq!(desk.kinds(), [0, 6, 2, 3, 10]);
    let [add, deal, delete, history, request] = desk.seen[..] else { panic!() };
    assert_eq!((add.position, add.volume, add.volume_initial, add.order_state), (0, 0.5, 0.5, 0));
    assert_eq!((deal.order, deal.position, deal.entry, deal.commission), (add.order, add.order, 0, -1.75));
    assert_eq!((delete.volume, delete.order_state, delete.position), (0.0, 4, add.order));
    assert_eq!((history.order_state, history.magic), (4, 900));
    assert_eq!((request.deal, request.order, request.price), (deal.deal, add.order, 1.1001));

    assert_eq!(desk.retcode(&command(PENDING, 2, 0.1, 1.09)), retcode::DONE);
    assert_eq!(desk.kinds(), [0, 1, 10], "a pending order is added, placed, and confirmed");
    let order = desk.seen[2].order;
    desk.seen.clear();
    desk.quote(108_990, 109_000);
    assert_eq!(desk.kinds(), [6, 2, 3], "an activation is nobody's request");
    assert_eq!((desk.seen[0].order, desk.seen[0].price), (order, 1.09));
}

#[test]
fn shuffled_transactions_are_the_same_set_and_lost_ones_are_missing() {
    let shuffled = Conduct { order: TransactionOrder::Shuffled, ..Conduct::default() };
    let mut desk = Desk::with(MarginMode::Netting, spec(), shuffled);
    let mut orders = std::collections::HashSet::new();
    for _ in 0..30 {
        desk.send(&buy(0.01));
        let mut sorted = desk.kinds();
        orders.insert(sorted.clone());
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 2, 3, 6, 10]);
    }
    assert!(orders.len() > 10, "{} different orders", orders.len());
    let deaf = Conduct { lose_request_rate: 1.0, ..Conduct::default() };
    let mut desk = Desk::with(MarginMode::Netting, spec(), deaf);
    desk.send(&buy(0.01));
    assert_eq!(desk.kinds(), [0, 6, 2, 3]);
    let dumb = Conduct { lose_transaction_rate: 1.0, ..Conduct::default() };
    let mut desk = Desk::with(MarginMode::Netting, spec(), dumb);
    desk.send(&buy(0.01));
    assert_eq!(desk.kinds(), [10]);
}

#[test]
fn a_stop_limit_becomes_a_limit_and_an_expired_order_is_expired() {
    let mut desk = Desk::new(MarginMode::Netting);
    let mut stop_limit = command(PENDING, 6, 0.1, 1.101);
    stop_limit.stop_limit = 1.1005;
    desk.send(&stop_limit);
    desk.seen.clear();
    desk.quote(110_095, 110_105);
    assert_eq!((desk.kinds(), desk.seen[0].order_type, desk.seen[0].price), (vec![1], 2, 1.1005));
    desk.quote(110_030, 110_040);
    assert_eq!(desk.broker.account.net_volume(0), 10);
    let mut timed = command(PENDING, 2, 0.1, 1.0);
    (timed.time_type, timed.expiration_s) = (2, desk.now.server_msc / 1_000 + 2);
    assert_eq!(desk.retcode(&timed), retcode::DONE);
    desk.now.server_msc += 5_000;
    desk.seen.clear();
    desk.quote(110_030, 110_040);
    assert_eq!((desk.kinds(), desk.seen[0].order_state), (vec![2, 3], 6));
    timed.expiration_s = 1;
    assert_eq!(desk.retcode(&timed), retcode::INVALID_EXPIRATION);
}

#[test]
fn levels_close_a_position_and_say_why() {
    let mut desk = Desk::new(MarginMode::Hedging);
    let mut command = buy(0.1);
    (command.price_sl, command.price_tp) = (1.0995, 1.102);
    desk.send(&command);
    desk.seen.clear();
    desk.quote(109_940, 109_950);
    assert_eq!(desk.kinds(), [0, 6, 2, 3]);
    let deal = desk.seen[1];
    assert_eq!((deal.reason, deal.entry, deal.deal_type, deal.magic), (4, 1, 1, 900));
    assert_eq!((deal.price, deal.profit), (1.0994, -7.0));
    assert!(deal.comment.starts_with(b"[sl 1.0995]"));
    assert!(desk.broker.account.positions.is_empty());
}

#[test]
fn changes_need_something_to_change_and_respect_the_frozen_zone() {
    let frozen = InstrumentSpec { freeze_level_points: 20, ..spec() };
    let mut desk = Desk::with(MarginMode::Hedging, frozen, Conduct::default());
    desk.send(&buy(0.1));
    let mut levels = command(LEVELS, 0, 0.0, 0.0);
    (levels.position, levels.price_sl) = (desk.position(), 1.0985);
    assert_eq!(desk.retcode(&levels), retcode::DONE);
    assert_eq!(desk.kinds(), [9, 10], "a change of levels is reported as POSITION");
    assert_eq!(desk.retcode(&levels), retcode::NO_CHANGES);
    desk.quote(109_865, 109_875);
    levels.price_sl = 1.098;
    assert_eq!(desk.retcode(&levels), retcode::FROZEN);
    assert_eq!(desk.retcode(&command(PENDING, 2, 0.1, 1.09)), retcode::DONE);
    let ticket = desk.seen[0].order;
    let mut modify = command(MODIFY, 2, 0.0, 1.0901);
    modify.order = ticket;
    assert_eq!(desk.retcode(&modify), retcode::DONE);
    assert_eq!(desk.retcode(&modify), retcode::NO_CHANGES);
    let mut remove = command(REMOVE, 0, 0.0, 0.0);
    remove.order = ticket;
    assert_eq!(desk.retcode(&remove), retcode::DONE);
    assert_eq!((desk.kinds(), desk.seen[0].order_state), (vec![2, 3, 10], 2));
    assert_eq!(desk.retcode(&remove), retcode::INVALID);
}

#[test]
fn a_netting_account_reverses_and_keeps_the_identifier() {
    let mut desk = Desk::new(MarginMode::Netting);
    desk.send(&buy(0.1));
    let first = desk.broker.account.positions[0].clone();
    desk.send(&sell(0.3));
    let deal = desk.seen[1];
    assert_eq!((deal.entry, deal.position_id, deal.profit), (2, first.identifier, -1.0));
    let reversed = &desk.broker.account.positions[0];
    assert_eq!((reversed.side, reversed.volume), (Side::Sell, 20));
    assert_eq!((reversed.identifier, reversed.ticket), (first.identifier, deal.order));
    assert_ne!(reversed.ticket, first.ticket);
}

#[test]
fn a_hedging_account_closes_in_part_by_ticket_and_by_its_opposite() {
    let mut desk = Desk::new(MarginMode::Hedging);
    desk.send(&buy(0.3));
    let ticket = desk.position();
    let mut close = sell(0.1);
    close.position = ticket;
    assert_eq!(desk.retcode(&close), retcode::DONE);
    assert_eq!((desk.position(), desk.broker.account.net_volume(0)), (ticket, 20));
    close.volume = 0.3;
    assert_eq!(desk.retcode(&close), retcode::INVALID_CLOSE_VOLUME);
    desk.send(&sell(0.15));
    assert_eq!(desk.broker.account.positions.len(), 2, "without a position it opens the opposite one");
    let mut both = command(CLOSE_BY, 8, 0.0, 0.0);
    (both.position, both.position_by) = (ticket, desk.broker.account.positions[1].ticket);
    assert_eq!(desk.retcode(&both), retcode::DONE);
    assert_eq!(desk.kinds(), [0, 6, 6, 2, 3, 10]);
    assert_eq!((desk.seen[1].entry, desk.seen[2].entry), (3, 3));
    assert_eq!((desk.broker.account.positions.len(), desk.broker.account.net_volume(0)), (1, 5));
    let mut netting = Desk::new(MarginMode::Netting);
    assert_eq!(netting.retcode(&both), retcode::INVALID);
}

#[test]
fn a_partial_fill_waits_or_ends_by_its_filling() {
    let partial = Conduct { partial_rate: 1.0, ..Conduct::default() };
    let exchange = InstrumentSpec { execution: Execution::Exchange, ..spec() };
    let mut desk = Desk::with(MarginMode::Hedging, exchange, partial);
    let mut order = buy(1.0);
    assert_eq!(desk.retcode(&order), retcode::DONE_PARTIAL);
    assert_eq!((desk.seen.last().unwrap().volume, desk.broker.account.net_volume(0)), (0.5, 50));
    order.filling = 0;
    assert_eq!(desk.retcode(&order), retcode::REJECT, "fill or kill means all or nothing");
    order.filling = 2;
    desk.send(&order);
    desk.pass();
    assert_eq!(desk.kinds(), [0, 6, 1, 10, 6, 2, 3], "the rest is filled after the request was answered");
    assert_eq!(desk.broker.account.net_volume(0), 150);
    let deals = &desk.broker.account.deals;
    assert_eq!(deals[1].position_id, deals[2].position_id, "one order, one position");
}

#[test]
fn a_losing_account_is_stopped_out() {
    let mut desk = Desk::new(MarginMode::Netting);
    assert_eq!(desk.retcode(&buy(8.0)), retcode::DONE);
    desk.seen.clear();
    desk.quote(109_600, 109_610);
    assert_eq!(desk.seen.len(), 0, "still enough");
    desk.quote(98_000, 98_010);
    assert_eq!((desk.kinds(), desk.seen[1].reason), (vec![0, 6, 2, 3], 6));
}

#[test]
fn the_dead_man_cancels_and_closes() {
    let mut desk = Desk::new(MarginMode::Hedging);
    desk.send(&buy(0.1));
    desk.send(&command(PENDING, 2, 0.1, 1.0));
    desk.broker.dead_man(1, desk.now);
    assert_eq!((desk.broker.account.orders.len(), desk.broker.account.positions.len()), (0, 1));
    desk.broker.dead_man(2, desk.now);
    assert_eq!(desk.broker.account.positions.len(), 0);
}
