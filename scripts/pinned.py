"""The Python packages that scripts here use, each in one version, and the environment that has them: target/venv.

What it is not: what the appliance needs; it needs no Python. A script calls `enter` first, and imports packages after it.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target" / "venv"
VERSIONS = {
    "xgboost-cpu": "3.2.0", "lightgbm": "4.7.0", "catboost": "1.2.10", "scikit-learn": "1.9.1", "numpy": "2.4.6", "pandas": "3.1.1",
    "pyarrow": "26.0.1", "TA-Lib": "0.8.2", "hdrhistogram": "0.10.3", "treelite": "4.8.1", "tl2cgen": "1.0.0",
}


def install(venv, packages):
    """Makes an environment and installs packages in it, each with its version."""
    if not (venv / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "-q", *packages], check=True)


def enter(*packages):
    """Runs the script that was started once more, with these packages; returns when they are there."""
    if pathlib.Path(sys.prefix).resolve() == VENV.resolve():
        return
    install(VENV, [f"{package}=={VERSIONS[package]}" for package in packages])
    # Nothing may be written beside the sources.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    python = VENV / "bin" / "python"
    os.execv(python, [str(python), *sys.argv])
