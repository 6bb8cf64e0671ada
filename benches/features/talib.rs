//! TA-Lib's own C library, as its Python wheel brings it, called without Python.
//!
//! What it is not: part of the product. This is a file of a bench, with `unsafe` for foreign calls, and nothing else has any.
//!
//! Invariant: signatures are those of TA-Lib 0.8.1's headers (`ta_func.h`); every call's arrays outlive the call and are as
//! long as it says, and every return code is checked.
#![allow(unsafe_code)]

use libloading::Library;
use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};

/// `TA_XXX(start, end, in, period, begin, count, out)`.
type OneFn = unsafe extern "C" fn(c_int, c_int, *const f64, c_int, *mut c_int, *mut c_int, *mut f64) -> c_int;
type StddevFn =
    unsafe extern "C" fn(c_int, c_int, *const f64, c_int, f64, *mut c_int, *mut c_int, *mut f64) -> c_int;
type MacdFn = unsafe extern "C" fn(
    c_int,
    c_int,
    *const f64,
    c_int,
    c_int,
    c_int,
    *mut c_int,
    *mut c_int,
    *mut f64,
    *mut f64,
    *mut f64,
) -> c_int;
type BandsFn = unsafe extern "C" fn(
    c_int,
    c_int,
    *const f64,
    c_int,
    f64,
    f64,
    c_int,
    *mut c_int,
    *mut c_int,
    *mut f64,
    *mut f64,
    *mut f64,
) -> c_int;
type OneOpenFn = unsafe extern "C" fn(*mut *mut c_void, *const f64, c_int, c_int, *mut f64) -> c_int;
type OneUpdateFn = unsafe extern "C" fn(*mut c_void, f64, *mut f64) -> c_int;
type StddevOpenFn = unsafe extern "C" fn(*mut *mut c_void, *const f64, c_int, c_int, f64, *mut f64) -> c_int;
type MacdOpenFn = unsafe extern "C" fn(
    *mut *mut c_void,
    *const f64,
    c_int,
    c_int,
    c_int,
    c_int,
    *mut f64,
    *mut f64,
    *mut f64,
) -> c_int;
type BandsOpenFn = unsafe extern "C" fn(
    *mut *mut c_void,
    *const f64,
    c_int,
    c_int,
    f64,
    f64,
    c_int,
    *mut f64,
    *mut f64,
    *mut f64,
) -> c_int;
type ThreeUpdateFn = unsafe extern "C" fn(*mut c_void, f64, *mut f64, *mut f64, *mut f64) -> c_int;

/// What is asked of TA-Lib: a function and its parameters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Ask {
    /// SMA, EMA, RSI, MIN, MAX or ROC over a period.
    One(&'static str, usize),
    /// Population standard deviation.
    Stddev(usize),
    /// MACD: main, signal, histogram.
    Macd(usize, usize, usize),
    /// Bollinger bands: upper, middle, lower.
    Bands(usize, f64),
}

impl Ask {
    /// Numbers that it answers with.
    pub(crate) fn outputs(self) -> usize {
        if matches!(self, Ask::Macd(..) | Ask::Bands(..)) { 3 } else { 1 }
    }

    /// The fewest samples that determine its answer to a part in 10^9: windows forget at once, averages slowly.
    pub(crate) fn history(self) -> usize {
        let forget = |samples_per_e: f64| (samples_per_e * 1e10f64.ln()).ceil() as usize;
        match self {
            Ask::One("EMA", period) => period + forget((period + 1) as f64 / 2.0),
            Ask::One("RSI", period) => period + 1 + forget(period as f64),
            Ask::One("ROC", period) => period + 1,
            Ask::One(_, period) | Ask::Stddev(period) | Ask::Bands(period, _) => period,
            Ask::Macd(_, slow, signal) => slow + signal + forget((slow + signal) as f64 / 2.0),
        }
    }
}

/// One function of TA-Lib, as arrays (computed anew each time) and as a stream.
pub(crate) struct Function<'a> {
    ask: Ask,
    array: ArrayFn,
    update: UpdateFn,
    handle: *mut c_void,
    scratch: [Vec<f64>; 3],
    /// The symbols are borrowed from it.
    _library: &'a Library,
}

enum ArrayFn {
    One(OneFn),
    Stddev(StddevFn),
    Macd(MacdFn),
    Bands(BandsFn),
}

enum UpdateFn {
    One(OneUpdateFn),
    Three(ThreeUpdateFn),
}

/// The library that the wheel brought, below `target/venv`; `scripts/golden-indicators` installs it.
pub(crate) fn find() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/lib");
    let inside = |path: &Path, wanted: fn(&str) -> bool| {
        let entries = std::fs::read_dir(path).ok()?;
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.sort();
        found.into_iter().find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(wanted))
    };
    let python = inside(&root, |name| name.starts_with("python"))?;
    inside(&python.join("site-packages/ta_lib.libs"), |name| name.starts_with("libta-lib"))
}

/// Loads and initialises it.
pub(crate) fn load(path: &Path) -> Library {
    // SAFETY: the wheel's library has no constructors that touch this process; it was installed by a pinned version.
    let library = unsafe { Library::new(path) }.expect("TA-Lib's library");
    // SAFETY: `TA_RetCode TA_Initialize(void)`.
    let initialize = unsafe { library.get::<unsafe extern "C" fn() -> c_int>(b"TA_Initialize\0") };
    let initialize = initialize.expect("TA_Initialize");
    // SAFETY: called once, before any other function, by the one thread of this bench.
    assert_eq!(unsafe { initialize() }, 0, "TA_Initialize");
    library
}

fn symbol<T: Copy>(library: &Library, name: &str) -> T {
    // SAFETY: each caller names the function whose signature in TA-Lib's headers is `T`.
    let found = unsafe { library.get::<T>(name.as_bytes()) };
    *found.unwrap_or_else(|error| panic!("TA-Lib: {name}: {error}"))
}

impl<'a> Function<'a> {
    /// Looks the function up and opens its stream on `history`.
    pub(crate) fn open(library: &'a Library, ask: Ask, history: &[f64]) -> Self {
        let mut handle = std::ptr::null_mut();
        let (start, count) = (history.as_ptr(), history.len() as c_int);
        let mut out = [0.0f64; 3];
        let [a, b, c] = &mut out;
        let (array, update, code) = match ask {
            Ask::One(name, period) => {
                let open: OneOpenFn = symbol(library, &format!("TA_{name}_Open"));
                // SAFETY: `history` is `count` doubles, `handle` and `a` are written before the call returns.
                let code = unsafe { open(&mut handle, start, count, period as c_int, a) };
                let update = UpdateFn::One(symbol(library, &format!("TA_{name}_Update")));
                (ArrayFn::One(symbol(library, &format!("TA_{name}"))), update, code)
            }
            Ask::Stddev(period) => {
                let open: StddevOpenFn = symbol(library, "TA_STDDEV_Open");
                // SAFETY: as above.
                let code = unsafe { open(&mut handle, start, count, period as c_int, 1.0, a) };
                let update = UpdateFn::One(symbol(library, "TA_STDDEV_Update"));
                (ArrayFn::Stddev(symbol(library, "TA_STDDEV")), update, code)
            }
            Ask::Macd(fast, slow, signal) => {
                let open: MacdOpenFn = symbol(library, "TA_MACD_Open");
                let [fast, slow, signal] = [fast, slow, signal].map(|period| period as c_int);
                // SAFETY: as above, with three outputs.
                let code = unsafe { open(&mut handle, start, count, fast, slow, signal, a, b, c) };
                let update = UpdateFn::Three(symbol(library, "TA_MACD_Update"));
                (ArrayFn::Macd(symbol(library, "TA_MACD")), update, code)
            }
            Ask::Bands(period, deviations) => {
                let open: BandsOpenFn = symbol(library, "TA_BBANDS_Open");
                let period = period as c_int;
                // SAFETY: as above; 0 is TA_MAType_SMA.
                let code =
                    unsafe { open(&mut handle, start, count, period, deviations, deviations, 0, a, b, c) };
                let update = UpdateFn::Three(symbol(library, "TA_BBANDS_Update"));
                (ArrayFn::Bands(symbol(library, "TA_BBANDS")), update, code)
            }
        };
        assert_eq!(code, 0, "TA-Lib refused to open {ask:?} on {count} samples");
        let scratch = [(); 3].map(|()| vec![0.0; ask.history()]);
        Function { ask, array, update, handle, scratch, _library: library }
    }

    /// The newest value of the last samples, all computed again.
    #[inline]
    pub(crate) fn recompute(&mut self, samples: &[f64], out: &mut [f64]) {
        let need = self.ask.history();
        let input = &samples[samples.len() - need..];
        let (begin, count) = (&mut 0, &mut 0);
        let last = need as c_int - 1;
        // Windows are asked for the last value alone; averages must run over the history that settles them.
        let first = match self.ask {
            Ask::One("EMA" | "RSI", _) | Ask::Macd(..) => 0,
            _ => last,
        };
        let [a, b, c] = &mut self.scratch;
        let (a, b, c) = (a.as_mut_ptr(), b.as_mut_ptr(), c.as_mut_ptr());
        let start = input.as_ptr();
        let code = match (&self.array, self.ask) {
            (ArrayFn::One(call), Ask::One(_, period)) => {
                // SAFETY: `input` has `last + 1` doubles, the scratch as many; begin and count are written.
                unsafe { call(first, last, start, period as c_int, begin, count, a) }
            }
            (ArrayFn::Stddev(call), Ask::Stddev(period)) => {
                // SAFETY: as above.
                unsafe { call(first, last, start, period as c_int, 1.0, begin, count, a) }
            }
            (ArrayFn::Macd(call), Ask::Macd(fast, slow, signal)) => {
                let [fast, slow, signal] = [fast, slow, signal].map(|period| period as c_int);
                // SAFETY: as above, with three outputs.
                unsafe { call(first, last, start, fast, slow, signal, begin, count, a, b, c) }
            }
            (ArrayFn::Bands(call), Ask::Bands(period, width)) => {
                // SAFETY: as above; 0 is TA_MAType_SMA.
                unsafe { call(first, last, start, period as c_int, width, width, 0, begin, count, a, b, c) }
            }
            _ => unreachable!("a function is opened for what it is asked"),
        };
        assert!(code == 0 && *count > 0, "TA-Lib refused {:?}", self.ask);
        for (out, scratch) in out.iter_mut().zip(&self.scratch) {
            *out = scratch[*count as usize - 1];
        }
    }

    /// The newest value from the stream's own state.
    #[inline]
    pub(crate) fn update(&mut self, sample: f64, out: &mut [f64]) {
        let code = match &self.update {
            UpdateFn::One(call) => {
                // SAFETY: the handle was opened for this function and is freed with the process.
                unsafe { call(self.handle, sample, &mut out[0]) }
            }
            UpdateFn::Three(call) => {
                let [a, b, c] = out else { panic!("three outputs") };
                // SAFETY: as above.
                unsafe { call(self.handle, sample, a, b, c) }
            }
        };
        assert_eq!(code, 0, "TA-Lib refused a sample for {:?}", self.ask);
    }
}
