//! `tickbridge sim market`: the simulator's seeded ticks as a file, where there are no real ones.
//!
//! What it is not: market data; nothing in these ticks can be predicted.
//!
//! Invariant: the same seed and days give the same file; it appears under its name only when it is whole.

use super::check::EXIT_IO;
use crate::sim::market::{Calibration, MarketGenerator};
use crate::store::ticks::tbt::{TbtWriter, TbtWriterOptions};
use crate::store::ticks::{CivilDate, TimeBase};
use crate::types::{FixedText, NS_PER_S};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const NS_PER_DAY: i64 = 86_400 * NS_PER_S;

/// Write the simulator's ticks to a file
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Exit codes:\n   0  written\n   2  wrong arguments\n  74  the file cannot be written")]
pub struct MarketArgs {
    /// File to write (.tbt); replaced when it exists
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=3_650))]
    pub days: i64,
    /// First day, UTC
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2024-01-01", value_parser = date)]
    pub from: CivilDate,
    /// Seed of the market
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn date(text: &str) -> Result<CivilDate, String> {
    CivilDate::parse(text).ok_or_else(|| format!("expected YYYY-MM-DD, got `{text}`"))
}

/// Runs the command.
pub fn run(args: &MarketArgs) -> ExitCode {
    let partial = args.out.with_extension("partial");
    let written =
        write(args, &partial).and_then(|count| std::fs::rename(&partial, &args.out).map(|()| count));
    match written {
        Ok(count) => {
            println!(
                "{}: {count} made-up ticks of {} day(s), seed {}",
                args.out.display(),
                args.days,
                args.seed
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tickbridge sim market: {}: {error}", args.out.display());
            ExitCode::from(EXIT_IO)
        }
    }
}

fn write(args: &MarketArgs, file: &Path) -> std::io::Result<u64> {
    let start = args.from.midnight();
    let market = MarketGenerator::new(args.seed, Calibration::eurusd(), start);
    let options = TbtWriterOptions {
        symbol: FixedText::new("EURUSD").unwrap_or(FixedText::EMPTY),
        ..TbtWriterOptions::new(market.digits(), TimeBase::Utc)
    };
    let out = BufWriter::with_capacity(1 << 20, std::fs::File::create(file)?);
    let mut writer = TbtWriter::new(out, options)?;
    let end = start.plus_ns(args.days * NS_PER_DAY);
    for tick in market.take_while(|tick| tick.ts_venue < end) {
        writer.push(&tick)?;
    }
    let (written, out) = writer.finish()?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(written.counts.tick_count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ticks::{OpenOptions, open_ticks};

    #[test]
    fn the_same_seed_gives_the_same_day_and_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, seed| {
            let out = folder.path().join(name);
            let args = MarketArgs { out: out.clone(), days: 1, from: date("2024-01-02").unwrap(), seed };
            assert_eq!(run(&args), ExitCode::SUCCESS);
            out
        };
        let (first, again, other) = (file("a.tbt", 7), file("b.tbt", 7), file("c.tbt", 8));
        let bytes = |path: &PathBuf| std::fs::read(path).unwrap();
        assert!(bytes(&first) == bytes(&again) && bytes(&first) != bytes(&other));
        let ticks: Vec<_> =
            open_ticks(&first, &OpenOptions::default()).unwrap().map(Result::unwrap).collect();
        assert!(ticks.len() > 50_000, "{}", ticks.len());
        let day = date("2024-01-02").unwrap().midnight().0 / NS_PER_DAY;
        assert!(ticks.iter().all(|tick| tick.ts_venue.0 / NS_PER_DAY == day && tick.ask > tick.bid));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing unfinished is left");
    }
}
