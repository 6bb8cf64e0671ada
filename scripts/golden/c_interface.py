"""XGBoost and LightGBM of any version through their C interfaces: trains, saves, and scores a saved file.

Their Python packages of years ago do not run with today's numpy and Python; the libraries in them do. What it is not: a
wrapper; what a small model takes is all that is here. One process may open one library of a kind only: two versions of
XGBoost in one process share their registries.
"""
import ctypes
from ctypes import byref, c_char_p, c_double, c_float, c_int, c_int64, c_uint, c_uint64, c_void_p, POINTER

import numpy as np


def texts(words):
    return (c_char_p * len(words))(*[str(word).encode() for word in words]), c_uint64(len(words))


def pointer(array, kind):
    return array.ctypes.data_as(POINTER(kind))


class Library:
    def __init__(self, path, error):
        self.library = ctypes.CDLL(str(path))
        self.error = getattr(self.library, error)
        self.error.restype = c_char_p

    def call(self, name, *arguments):
        if getattr(self.library, name)(*arguments):
            raise RuntimeError(f"{name}: {self.error().decode(errors='replace').splitlines()[0]}")


class XGBoost(Library):
    def __init__(self, path):
        super().__init__(path, "XGBGetLastError")

    def matrix(self, x, y=None, names=None, types=None, groups=None):
        x, out = np.ascontiguousarray(x, "f4"), c_void_p()
        self.call("XGDMatrixCreateFromMat", pointer(x, c_float), c_uint64(len(x)), c_uint64(x.shape[1]), c_float(np.nan), byref(out))
        if y is not None:
            y = np.ascontiguousarray(y, "f4")
            self.call("XGDMatrixSetFloatInfo", out, b"label", pointer(y, c_float), c_uint64(len(y)))
        if groups is not None:
            groups = np.ascontiguousarray(groups, "u4")
            self.call("XGDMatrixSetUIntInfo", out, b"group", pointer(groups, c_uint), c_uint64(len(groups)))
        for field, words in ((b"feature_name", names), (b"feature_type", types)):
            if words:
                self.call("XGDMatrixSetStrFeatureInfo", out, field, *texts(words))
        return out

    def booster(self, matrices, params):
        out = c_void_p()
        self.call("XGBoosterCreate", (c_void_p * len(matrices))(*matrices), c_uint64(len(matrices)), byref(out))
        for key, value in params.items():
            self.call("XGBoosterSetParam", out, key.encode(), str(value).encode())
        return out

    def train(self, x, y, rounds, params, files, names=None, types=None, groups=None):
        data = self.matrix(x, y, names, types, groups)
        booster = self.booster([data], params)
        for field, words in ((b"feature_name", names), (b"feature_type", types)):
            if words:
                self.call("XGBoosterSetStrFeatureInfo", booster, field, *texts(words))
        for index in range(rounds):
            self.call("XGBoosterUpdateOneIter", booster, c_int(index), data)
        for file in files:
            self.call("XGBoosterSaveModel", booster, str(file).encode())

    def scores(self, file, x, rounds=0):
        booster, data = self.booster([], {"nthread": 1}), self.matrix(x)
        self.call("XGBoosterLoadModel", booster, str(file).encode())
        count, out = c_uint64(), POINTER(c_float)()
        if hasattr(self.library, "XGBoosterPredictFromDMatrix"):
            config = '{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": %d, "strict_shape": false}' % rounds
            shape, dimensions = POINTER(c_uint64)(), c_uint64()
            self.call("XGBoosterPredictFromDMatrix", booster, data, config.encode(), byref(shape), byref(dimensions), byref(out))
            for axis in range(dimensions.value):
                count.value = max(count.value, 1) * shape[axis]
        else:
            self.call("XGBoosterPredict", booster, data, c_int(0), c_uint(rounds), c_int(0), byref(count), byref(out))
        return np.ctypeslib.as_array(out, (count.value,)).astype("f8").reshape(len(x), -1)


class LightGBM(Library):
    def __init__(self, path):
        super().__init__(path, "LGBM_GetLastError")

    def train(self, x, y, rounds, params, files, names=None, categories=()):
        x, y = np.ascontiguousarray(x, "f4"), np.ascontiguousarray(y, "f4")
        words = {**params, "categorical_feature": ",".join(map(str, categories))} if categories else params
        words = " ".join(f"{key}={value}" for key, value in words.items()).encode()
        data, booster, ended = c_void_p(), c_void_p(), c_int()
        size = (c_int(len(x)), c_int(x.shape[1]), c_int(1))
        self.call("LGBM_DatasetCreateFromMat", pointer(x, c_float), c_int(0), *size, words, None, byref(data))
        self.call("LGBM_DatasetSetField", data, b"label", pointer(y, c_float), c_int(len(y)), c_int(0))
        if names:
            self.call("LGBM_DatasetSetFeatureNames", data, texts(names)[0], c_int(len(names)))
        self.call("LGBM_BoosterCreate", data, words, byref(booster))
        for _ in range(rounds):
            self.call("LGBM_BoosterUpdateOneIter", booster, byref(ended))
        for file in files:
            self.call("LGBM_BoosterSaveModel", booster, c_int(0), c_int(-1), c_int(0), str(file).encode())

    def scores(self, file, x, rounds=0):
        x, booster, made = np.ascontiguousarray(x, "f4"), c_void_p(), c_int()
        self.call("LGBM_BoosterCreateFromModelfile", str(file).encode(), byref(made), byref(booster))
        classes = c_int()
        self.call("LGBM_BoosterGetNumClasses", booster, byref(classes))
        out, count = np.empty((len(x), classes.value)), c_int64()
        size = (c_int(len(x)), c_int(x.shape[1]), c_int(1))
        self.call("LGBM_BoosterPredictForMat", booster, pointer(x, c_float), c_int(0), *size, c_int(0), c_int(0),
                  c_int(rounds or -1), b"num_threads=1", byref(count), pointer(out, c_double))
        assert count.value == out.size
        return out
