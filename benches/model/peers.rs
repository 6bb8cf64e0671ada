//! The peers: the libraries' own C interfaces, code that was compiled from a model, and a Rust crate, each as its authors
//! mean it for one row.
//!
//! What it is not: safe. This file calls foreign C code (`unsafe`) that scripts/bench-models has put on the disk; it is part
//! of a bench and of nothing else.
//!
//! Invariant: a peer gives the final probability, its sigmoid included, and its row is in its own form before the clock
//! starts: to the peers' favour.

#![allow(unsafe_code)] // foreign functions

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};

use libloading::Library;
use nexus_inference::Gbdt;

use super::contestant::Contestant;

/// The functions of a library, which stays loaded.
fn open(path: &Path) -> &'static Library {
    // SAFETY: the files are the pinned wheels' libraries or compiled from a model by gcc; their initialisers are harmless.
    let library = unsafe { Library::new(path) };
    Box::leak(Box::new(
        library.unwrap_or_else(|e| panic!("{}: {e}; run scripts/bench-models", path.display())),
    ))
}

fn function<T: Copy>(library: &'static Library, name: &str) -> T {
    // SAFETY: each caller's type is the function's own, from the interface's header.
    let symbol = unsafe { library.get::<T>(name) };
    *symbol.unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn c_path(path: &Path) -> CString {
    CString::new(path.to_str().expect("a path in UTF-8")).expect("a path without NUL")
}

type XgbCreate = unsafe extern "C" fn(*const *mut c_void, u64, *mut *mut c_void) -> c_int;
type XgbLoad = unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int;
type XgbSet = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int;
type XgbPredict = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    *const c_char,
    *mut c_void,
    *mut *const u64,
    *mut u64,
    *mut *const f32,
) -> c_int;

/// XGBoost's C interface, `XGBoosterPredictFromDense`, on one thread.
pub(crate) struct XgboostC {
    booster: *mut c_void,
    predict: XgbPredict,
    row: Box<[f32]>,
    values: CString,
    config: CString,
}

impl XgboostC {
    pub(crate) fn open(library: &Path, model: &Path, column_count: usize) -> Self {
        let library = open(library);
        let (create, load) = (
            function::<XgbCreate>(library, "XGBoosterCreate"),
            function::<XgbLoad>(library, "XGBoosterLoadModel"),
        );
        let set = function::<XgbSet>(library, "XGBoosterSetParam");
        let mut booster = null_mut();
        // SAFETY: no matrices, and a place for the handle.
        assert_eq!(unsafe { create(null(), 0, &mut booster) }, 0, "XGBoosterCreate");
        // SAFETY: the handle is live, the strings end with NUL.
        assert_eq!(unsafe { set(booster, c"nthread".as_ptr(), c"1".as_ptr()) }, 0, "XGBoosterSetParam");
        // SAFETY: as above.
        assert_eq!(unsafe { load(booster, c_path(model).as_ptr()) }, 0, "XGBoosterLoadModel");
        let row: Box<[f32]> = vec![0.0; column_count].into();
        let values = format!(
            r#"{{"data":[{},false],"shape":[1,{column_count}],"typestr":"<f4","version":3}}"#,
            row.as_ptr() as usize
        );
        let config = r#"{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"missing":NaN,"strict_shape":false,"cache_id":0}"#;
        XgboostC {
            booster,
            predict: function(library, "XGBoosterPredictFromDense"),
            row,
            values: CString::new(values).expect("no NUL"),
            config: CString::new(config).expect("no NUL"),
        }
    }
}

impl Contestant for XgboostC {
    fn name(&self) -> String {
        "XGBoost C API, PredictFromDense".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.copy_from_slice(row);
    }

    fn ask(&mut self) -> f64 {
        let (mut shape, mut dimensions, mut result) = (null(), 0, null());
        let (values, config) = (self.values.as_ptr(), self.config.as_ptr());
        // SAFETY: the handle is live, `values` names the row, which is alive, and the places for the answers are ours.
        let code = unsafe {
            (self.predict)(self.booster, values, config, null_mut(), &mut shape, &mut dimensions, &mut result)
        };
        assert_eq!(code, 0, "XGBoosterPredictFromDense");
        // SAFETY: one row has one result, which lives until the next call.
        f64::from(unsafe { *result })
    }
}

type LgbCreate = unsafe extern "C" fn(*const c_char, *mut c_int, *mut *mut c_void) -> c_int;
type LgbInit = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    c_int,
    c_int,
    c_int,
    i32,
    *const c_char,
    *mut *mut c_void,
) -> c_int;
type LgbPredict = unsafe extern "C" fn(*mut c_void, *const c_void, *mut i64, *mut f64) -> c_int;

/// LightGBM's C interface for single rows, `LGBM_BoosterPredictForMatSingleRowFast`, with a row of doubles.
pub(crate) struct LightgbmC {
    fast: *mut c_void,
    predict: LgbPredict,
    row: Box<[f64]>,
}

/// `C_API_DTYPE_FLOAT64`.
const LGB_FLOAT64: c_int = 1;

impl LightgbmC {
    pub(crate) fn open(library: &Path, model: &Path, column_count: usize) -> Self {
        let library = open(library);
        let create = function::<LgbCreate>(library, "LGBM_BoosterCreateFromModelfile");
        let init = function::<LgbInit>(library, "LGBM_BoosterPredictForMatSingleRowFastInit");
        let (mut booster, mut rounds, mut fast) = (null_mut(), 0, null_mut());
        let path = c_path(model);
        // SAFETY: the path ends with NUL, the places are ours.
        let code = unsafe { create(path.as_ptr(), &mut rounds, &mut booster) };
        assert_eq!(code, 0, "LightGBM's model");
        let threads = c"num_threads=1".as_ptr();
        // SAFETY: the handle is live; normal prediction of all rounds from rows of f64.
        let code = unsafe { init(booster, 0, 0, -1, LGB_FLOAT64, column_count as i32, threads, &mut fast) };
        assert_eq!(code, 0, "LGBM_BoosterPredictForMatSingleRowFastInit");
        let predict = function(library, "LGBM_BoosterPredictForMatSingleRowFast");
        LightgbmC { fast, predict, row: vec![0.0; column_count].into() }
    }
}

impl Contestant for LightgbmC {
    fn name(&self) -> String {
        "LightGBM C API, SingleRowFast f64".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.iter_mut().zip(row).for_each(|(wide, x)| *wide = f64::from(*x));
    }

    fn ask(&mut self) -> f64 {
        let (mut count, mut result) = (0, 0.0);
        // SAFETY: the handle is live, the row has the columns it was made for, one row has one result.
        let code = unsafe { (self.predict)(self.fast, self.row.as_ptr().cast(), &mut count, &mut result) };
        assert_eq!(code, 0, "LGBM_BoosterPredictForMatSingleRowFast");
        result
    }
}

/// tl2cgen's `union Entry`, of the threshold's type.
trait Threshold: Copy + 'static {
    const ZERO: Self;
    fn of(value: f32) -> Self;
    fn wide(self) -> f64;
}

impl Threshold for f32 {
    const ZERO: Self = 0.0;
    fn of(value: f32) -> Self {
        value
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Threshold for f64 {
    const ZERO: Self = 0.0;
    fn of(value: f32) -> Self {
        f64::from(value)
    }
    fn wide(self) -> f64 {
        self
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
union Entry<T: Copy> {
    missing: c_int,
    value: T,
}

/// Code that tl2cgen made and gcc -O3 compiled.
struct Tl2cgen<T: Threshold> {
    name: String,
    predict: unsafe extern "C" fn(*mut Entry<T>, c_int, *mut T),
    row: Box<[f32]>,
    entries: Box<[Entry<T>]>,
}

impl<T: Threshold> Tl2cgen<T> {
    fn fill(&mut self) {
        for (entry, x) in self.entries.iter_mut().zip(&self.row) {
            *entry = if x.is_nan() { Entry { missing: -1 } } else { Entry { value: T::of(*x) } };
        }
    }
}

impl<T: Threshold> Contestant for Tl2cgen<T> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.copy_from_slice(row);
        self.fill();
    }

    fn ask(&mut self) -> f64 {
        let mut result = T::ZERO;
        // SAFETY: the row has the model's columns; a model with one output writes one result. The code with quantized
        // thresholds overwrites the entries, which is why they are filled again for each row.
        unsafe { (self.predict)(self.entries.as_mut_ptr(), 0, &mut result) };
        result.wide()
    }
}

/// tl2cgen's code; XGBoost's thresholds and results are `float`, LightGBM's `double`.
pub(crate) fn tl2cgen(path: &Path, name: &str, single: bool, column_count: usize) -> Box<dyn Contestant> {
    let (library, name) = (open(path), name.to_string());
    let row = vec![0.0; column_count].into();
    if single {
        let entries = vec![Entry { value: 0.0f32 }; column_count].into();
        Box::new(Tl2cgen::<f32> { name, predict: function(library, "predict"), row, entries })
    } else {
        let entries = vec![Entry { value: 0.0f64 }; column_count].into();
        Box::new(Tl2cgen::<f64> { name, predict: function(library, "predict"), row, entries })
    }
}

/// Code that lleaves made through LLVM; its sigmoid is in it.
pub(crate) struct Lleaves {
    predict: unsafe extern "C" fn(*const f64, *mut f64, c_int, c_int),
    row: Box<[f64]>,
}

impl Lleaves {
    pub(crate) fn open(path: &Path, column_count: usize) -> Self {
        Lleaves { predict: function(open(path), "forest_root"), row: vec![0.0; column_count].into() }
    }
}

impl Contestant for Lleaves {
    fn name(&self) -> String {
        "lleaves 1.3.0".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.iter_mut().zip(row).for_each(|(wide, x)| *wide = f64::from(*x));
    }

    fn ask(&mut self) -> f64 {
        let mut result = 0.0;
        // SAFETY: rows 0 to 1 of a table with the model's columns; one result.
        unsafe { (self.predict)(self.row.as_ptr(), &mut result, 0, 1) };
        result
    }
}

/// CatBoost's own C++ export, compiled by g++ -O3.
pub(crate) struct CatboostCpp {
    predict: unsafe extern "C" fn() -> f64,
    row: &'static mut [f32],
}

impl CatboostCpp {
    pub(crate) fn open(path: &Path, column_count: usize) -> Self {
        let library = open(path);
        let row: unsafe extern "C" fn() -> *mut f32 = function(library, "peer_row");
        // SAFETY: it takes nothing and gives the address of a vector that is never moved.
        let first = unsafe { row() };
        // SAFETY: the vector has `column_count` numbers, which only this contestant and the export's reads touch.
        let row = unsafe { std::slice::from_raw_parts_mut(first, column_count) };
        CatboostCpp { predict: function(library, "peer_predict"), row }
    }
}

impl Contestant for CatboostCpp {
    fn name(&self) -> String {
        "CatBoost C++ export, g++ -O3".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.copy_from_slice(row);
    }

    fn ask(&mut self) -> f64 {
        // SAFETY: it reads the row's vector, which is alive.
        unsafe { (self.predict)() }
    }
}

/// The `nexus-inference` crate.
pub(crate) struct Nexus {
    model: Gbdt,
    row: Box<[f32]>,
}

impl Nexus {
    pub(crate) fn open(path: &Path, column_count: usize) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let model = Gbdt::from_lightgbm(&bytes).unwrap_or_else(|e| panic!("nexus-inference: {e}"));
        Nexus { model, row: vec![0.0; column_count].into() }
    }
}

impl Contestant for Nexus {
    fn name(&self) -> String {
        "nexus-inference 0.9, NaN-aware".into()
    }

    fn place(&mut self, row: &[f32]) {
        self.row.copy_from_slice(row);
    }

    fn ask(&mut self) -> f64 {
        let margin = f64::from(self.model.predict_nan_aware(&self.row));
        1.0 / (1.0 + (-margin).exp())
    }
}
