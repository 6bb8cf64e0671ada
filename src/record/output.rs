//! Payloads of the records that the engine produces.
//!
//! What it is not: bytes for a venue; `wire` makes those from a [`Command`].
//!
//! Invariant: every field follows from the inputs alone, so that a replay makes the same bytes.

use super::header::{Kind, Payload};
use crate::layout;

macro_rules! payload {
    ($($name:ident),+) => {$( impl Payload for $name { const KIND: Kind = Kind::$name; } )+};
}
payload!(Command, Query, Denied, OrderStateChange, TradingChange, Alert);

layout! {
    /// A command for a venue. The header's `ts` is the `ts_recv` of the input that caused it; its `aux` is [`super::AUX_REDUCES`]
    /// and, of a request, its revision above [`super::AUX_REVISION_SHIFT`].
    pub struct Command {
        /// The order's id: `magic` on MT5.
        order_id: u64,
        /// MT5 ticket of the order to change, or zero.
        ticket: u64,
        /// MT5 ticket of the position to close or change, or zero.
        position: u64,
        /// Opposite position of a close-by, or zero.
        position_by: u64,
        /// Price in ticks, or `Price::NONE` for market execution.
        price: i64,
        /// Limit price of a stop-limit, or `Price::NONE`.
        stop_limit: i64,
        /// Stop loss, or `Price::NONE`.
        stop_loss: i64,
        /// Take profit, or `Price::NONE`.
        take_profit: i64,
        /// Volume, steps.
        qty: i64,
        /// Not to be sent after this time, UTC nanoseconds.
        ts_deadline: i64,
        /// Expiration, UTC seconds, or zero.
        expiration_s: u32,
        /// Worst accepted distance from the price, points.
        deviation_points: u32,
        /// `OrderAction`.
        action: u8,
        /// `OrderKind`.
        order_kind: u8,
        /// `Filling`.
        filling: u8,
        /// `TimeInForce`.
        time_in_force: u8,
        /// The model's score when it was wanted, in ten-thousandths; for the record only.
        score_e4: u32,
    }
}

layout! {
    /// A question to a venue: send a snapshot.
    pub struct Query {
        /// Comes back in the answer.
        query_id: u64,
        /// Deals and history from this time on, UTC nanoseconds.
        since: i64,
        /// The order that is in doubt, or zero.
        order_id: u64,
    }
}

layout! {
    /// An intent that the gate refused.
    pub struct Denied {
        /// `risk::Reason` as a code.
        reason: u32,
        /// `types::Side` as a code.
        side: u8,
        /// 1 when the intent would have opened or added.
        opening: u8,
        /// Zero.
        reserved: [u8; 2],
        /// Wanted volume, steps.
        qty: i64,
        /// Wanted price, ticks.
        price: i64,
        /// The limit, in the reason's unit.
        limit: i64,
        /// What it would have become, in the reason's unit.
        got: i64,
    }
}

layout! {
    /// An order changed its state.
    pub struct OrderStateChange {
        /// The order's id.
        order_id: u64,
        /// MT5 ticket, or zero.
        ticket: u64,
        /// Filled so far, steps.
        qty_filled: i64,
        /// Wanted, steps.
        qty: i64,
        /// Sum of price times volume of its fills, ticks times steps.
        fill_value: i64,
        /// Return code that decided it, or zero.
        retcode: u32,
        /// `order::OrderState` before.
        from: u8,
        /// `order::OrderState` after.
        to: u8,
        /// `order::Verdict`: who decided.
        verdict: u8,
        /// `order::RequestState` after.
        request: u8,
    }
}

layout! {
    /// Trading was opened, reduced or halted.
    pub struct TradingChange {
        /// `risk::Trading` before.
        from: u8,
        /// `risk::Trading` after.
        to: u8,
        /// Zero.
        reserved: [u8; 2],
        /// `risk::Reason` as a code.
        reason: u32,
        /// The limit, in the reason's unit.
        limit: i64,
        /// What was got, in the reason's unit.
        got: i64,
    }
}

layout! {
    /// The operator should look.
    pub struct Alert {
        /// `engine::AlertCode`.
        code: u32,
        /// Zero.
        reserved: u32,
        /// The order, ticket or sequence it is about.
        subject: u64,
        /// What we have.
        ours: i64,
        /// What the venue has.
        theirs: i64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::types::{InstrumentId, TimeNs, VenueId};

    #[test]
    fn every_payload_fits() {
        let sizes = [
            Start::BYTES,
            ClockTick::BYTES,
            Session::BYTES,
            Spec::BYTES,
            Tick::BYTES,
            Account::BYTES,
            CommandResult::BYTES,
            OrderEvent::BYTES,
            DealEvent::BYTES,
            PositionEvent::BYTES,
            Snapshot::BYTES,
            Credit::BYTES,
            Gap::BYTES,
            Dispatch::BYTES,
            Control::BYTES,
            Fault::BYTES,
            HistoryBar::BYTES,
            HistoryEnd::BYTES,
            ModelChange::BYTES,
            KillSwitch::BYTES,
            LimitChange::BYTES,
            TradingHours::BYTES,
            SymbolMargin::BYTES,
            Incident::BYTES,
            Override::BYTES,
            Command::BYTES,
            Query::BYTES,
            Denied::BYTES,
            OrderStateChange::BYTES,
            TradingChange::BYTES,
            Alert::BYTES,
            HistoryRequest::BYTES,
            BreakerChange::BYTES,
            Decision::BYTES,
            ShadowScore::BYTES,
            RequestStateChange::BYTES,
            Retry::BYTES,
            Exit::BYTES,
            StateHash::BYTES,
            OverrideUse::BYTES,
        ];
        assert_eq!(sizes.len(), Kind::ALL.len(), "a kind without a size here");
        assert_eq!(
            sizes,
            [
                32, 8, 96, 80, 64, 64, 80, 88, 96, 80, 40, 8, 24, 32, 96, 16, 72, 32, 96, 88, 96, 16, 40, 16,
                96, 96, 24, 40, 48, 24, 32, 32, 16, 96, 72, 40, 32, 88, 16, 40
            ],
            "a layout changed: raise RECORD_VERSION"
        );
        assert!(sizes.iter().all(|size| *size <= PAYLOAD_BYTES));
    }

    #[test]
    fn header_and_payload_survive_as_bytes_and_words() {
        let fault = Fault { detail: 28, kind: FaultKind::JournalDisk as u8, reserved: [0; 7] };
        let mut record = Record::new(Origin::Appliance, TimeNs(-5), VenueId(2), InstrumentId(3), &fault);
        record.set_seq(9);
        record.set_checksum(7);
        let record = record.with_flags(FLAG_SNAPSHOT).with_aux(11);
        let copy = Record::from_words(&Record::from_bytes(*record.bytes()).to_words());
        assert_eq!(copy, record);
        assert_eq!(copy.payload::<Fault>(), Some(fault));
        assert_eq!(copy.payload::<Gap>(), None);
        assert_eq!((copy.kind(), copy.seq(), copy.ts()), (Some(Kind::Fault), 9, TimeNs(-5)));
        assert_eq!((copy.venue(), copy.instrument(), copy.aux()), (VenueId(2), InstrumentId(3), 11));
        assert_eq!((copy.flags(), copy.checksum(), copy.version()), (FLAG_SNAPSHOT, 7, RECORD_VERSION));
    }

    #[test]
    fn golden_bytes_of_a_record() {
        let gap = Gap { stream: 1, from_seq: 2, to_seq: 0x0102_0304 };
        let record = Record::new(Origin::Market, TimeNs(1), VenueId(1), InstrumentId(256), &gap);
        let mut golden = [0u8; RECORD_BYTES];
        golden[4..8].copy_from_slice(&[13, 1, 0, 1]);
        golden[16] = 1;
        golden[24..28].copy_from_slice(&[0, 1, 1, 0]);
        golden[32] = 1;
        golden[40] = 2;
        golden[48..52].copy_from_slice(&[4, 3, 2, 1]);
        assert_eq!(record.bytes(), &golden);
    }
}
