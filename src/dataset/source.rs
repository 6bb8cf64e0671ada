//! Tick files as the engine would have met them: ticks of one or several instruments in the order of their times.
//!
//! What it is not: a reader of formats (`store::ticks`), or a cleaner. It refuses disorder, it does not sort it.
//!
//! Invariant: what comes out is what a terminal would have sent of the same quotes: prices in whole ticks, times in whole
//! milliseconds, a price of zero is none. Equal times come in the order in which the configuration declares instruments.

use super::DatasetError;
use super::grid::Grid;
use crate::store::ticks::{FileTick, OpenOptions, TickReader, TimeBase, civil_text, open_ticks};
use crate::types::{InstrumentId, NS_PER_MS, Price, TimeNs};
use std::path::PathBuf;

/// One tick of one instrument.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SourceTick {
    /// Whose.
    pub instrument: InstrumentId,
    /// The venue's stamp, UTC, whole milliseconds.
    pub ts_venue: TimeNs,
    /// Bid in ticks, or none.
    pub bid: Price,
    /// Ask in ticks, or none.
    pub ask: Price,
    /// Last trade in ticks, or none.
    pub last: Price,
    /// Volume of the last trade; 0 when there is none.
    pub volume: f64,
    /// MT5's `TICK_FLAG_*`, masked to the documented bits.
    pub flags: u32,
}

/// The files of one instrument.
#[derive(Clone, Debug)]
pub struct InstrumentFiles {
    /// Whose.
    pub instrument: InstrumentId,
    /// Its name, for messages.
    pub name: String,
    /// Files or folders, in any order: they are read in the order of their first ticks.
    pub paths: Vec<PathBuf>,
    /// Tick size, if it is known from elsewhere; else it is learnt from the files.
    pub tick_size: Option<f64>,
}

/// A file or folder with the tick that comes next.
struct Opened {
    path: PathBuf,
    reader: TickReader,
    next: Option<FileTick>,
}

/// All files of one instrument, one after another.
struct Stream {
    instrument: InstrumentId,
    grid: Grid,
    /// The one that is read comes last.
    waiting: Vec<Opened>,
    next: Option<SourceTick>,
    ts_before: TimeNs,
    tick_count: u64,
    bytes_done: u64,
    broken_count: u64,
}

/// Ticks of all instruments, merged by time.
pub struct TickSource {
    streams: Vec<Stream>,
    file_bytes: u64,
}

impl TickSource {
    /// Opens everything and looks at the first ticks. `instruments` are in the order of the configuration.
    pub fn open(instruments: &[InstrumentFiles], options: &OpenOptions) -> Result<Self, DatasetError> {
        let mut streams = Vec::with_capacity(instruments.len());
        let mut file_bytes = 0;
        for files in instruments {
            let mut stream = Stream::open(files, options)?;
            file_bytes += stream.waiting.iter().map(|opened| opened.reader.info().file_bytes).sum::<u64>();
            stream.advance()?;
            streams.push(stream);
        }
        Ok(TickSource { streams, file_bytes })
    }

    /// Bytes of all files.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.streams.iter().map(Stream::bytes_read).sum()
    }

    /// Broken lines and records that were skipped so far.
    pub fn broken_count(&self) -> u64 {
        let open = |stream: &Stream| stream.waiting.iter().map(|o| o.reader.broken_count()).sum::<u64>();
        self.streams.iter().map(|stream| stream.broken_count + open(stream)).sum()
    }

    /// The grid of an instrument's prices; `None` for one without files.
    pub fn grid(&self, instrument: InstrumentId) -> Option<&Grid> {
        self.streams.iter().find(|stream| stream.instrument == instrument).map(|stream| &stream.grid)
    }

    /// The next tick of all.
    pub fn next_tick(&mut self) -> Result<Option<SourceTick>, DatasetError> {
        let due = self.streams.iter_mut().filter(|stream| stream.next.is_some());
        // The first of equal keys wins, and streams stand in the order of the configuration.
        let Some(stream) = due.min_by_key(|stream| stream.next.map(|tick| tick.ts_venue)) else {
            return Ok(None);
        };
        let tick = stream.next;
        stream.advance()?;
        Ok(tick)
    }
}

impl Stream {
    fn open(files: &InstrumentFiles, options: &OpenOptions) -> Result<Self, DatasetError> {
        let mut waiting = Vec::with_capacity(files.paths.len());
        for path in &files.paths {
            let mut reader = open_ticks(path, options)?;
            if reader.info().time_base == TimeBase::Server {
                return Err(DatasetError::ServerTime { path: path.clone() });
            }
            let next = reader.next().transpose()?;
            if next.is_none() {
                return Err(DatasetError::Empty { path: path.clone() });
            }
            waiting.push(Opened { path: path.clone(), reader, next });
        }
        let infos = waiting.iter().map(|opened| opened.reader.info());
        let grid = match files.tick_size {
            Some(tick_size) => Grid::of(tick_size),
            None => Grid::learnt(infos.map(|info| (info.tick_size, info.digits))),
        };
        let grid =
            grid.ok_or_else(|| DatasetError::TickSize { name: files.name.clone(), got: files.tick_size })?;
        waiting.sort_by_key(|opened| std::cmp::Reverse(opened.next.map(|tick| tick.ts_venue)));
        Ok(Stream {
            instrument: files.instrument,
            grid,
            waiting,
            next: None,
            ts_before: TimeNs(i64::MIN),
            tick_count: 0,
            bytes_done: 0,
            broken_count: 0,
        })
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_done + self.waiting.iter().map(|opened| opened.reader.bytes_read()).sum::<u64>()
    }

    /// Moves to the next tick.
    fn advance(&mut self) -> Result<(), DatasetError> {
        self.next = None;
        while let Some(opened) = self.waiting.last_mut() {
            let Some(tick) = opened.next.take() else {
                self.bytes_done += opened.reader.bytes_read();
                self.broken_count += opened.reader.broken_count();
                self.waiting.pop();
                continue;
            };
            opened.next = opened.reader.next().transpose()?;
            self.tick_count += 1;
            let tick = self.convert(&tick)?;
            self.next = Some(tick);
            return Ok(());
        }
        Ok(())
    }

    fn convert(&mut self, tick: &FileTick) -> Result<SourceTick, DatasetError> {
        let Some(opened) = self.waiting.last() else { unreachable!("a tick comes from an open file") };
        if tick.ts_venue < self.ts_before {
            return Err(DatasetError::Disorder {
                path: opened.path.clone(),
                tick: self.tick_count,
                before: civil_text(self.ts_before),
                got: civil_text(tick.ts_venue),
            });
        }
        self.ts_before = tick.ts_venue;
        let digits = opened.reader.info().digits;
        let price = |mantissa: i64| {
            self.grid.ticks(mantissa, digits).ok_or_else(|| DatasetError::OffGrid {
                path: opened.path.clone(),
                tick: self.tick_count,
                tick_size: self.grid.tick_size(),
                got: format!("{mantissa}e-{digits}"),
            })
        };
        Ok(SourceTick {
            instrument: self.instrument,
            ts_venue: TimeNs(tick.ts_venue.0 - tick.ts_venue.0.rem_euclid(NS_PER_MS)),
            bid: price(tick.bid)?,
            ask: price(tick.ask)?,
            last: price(tick.last)?,
            volume: tick.volume,
            flags: tick.flags & 0x7e,
        })
    }
}
