//! Every indicator once more, from its definition, over all samples, without a thought for speed.
//!
//! What it is not: a copy of the code under test; sums are floating point and start anew for each value.
//!
//! Invariant: only the samples and the formula decide; nothing is carried from one value to the next.

use tickbridge::features::{
    AdxOutput, Anchor, BandOutput, Basis, Convention, Estimator, Kind, MacdOutput, PriceField, Seed,
    SignalAverage, StochasticOutput, Weight,
};

/// One sample in input units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) lots: f64,
    pub(crate) ticks: f64,
    /// Of the tick that made it; of a time bar the last nanosecond of it.
    pub(crate) ts_ns: i64,
    /// Bid, ask, bid size, ask size.
    pub(crate) book: [f64; 4],
    /// The second instrument's input.
    pub(crate) other: Option<f64>,
}

const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 1_440 * MINUTE_NS;

fn closes(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|s| s.close).collect()
}

fn typical(s: &Sample) -> f64 {
    (s.high + s.low + s.close) / 3.0
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / values.len() as f64).sqrt()
}

fn tail<T>(values: &[T], period: u32) -> &[T] {
    &values[values.len() - period as usize..]
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

fn smallest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

/// The whole line of an exponential average; NaN before it starts.
fn ema(values: &[f64], period: u32, seed: Seed) -> Vec<f64> {
    let k = 2.0 / (f64::from(period) + 1.0);
    smoothed(values, if seed == Seed::First { 1 } else { period }, k)
}

fn wilder(values: &[f64], period: u32) -> Vec<f64> {
    smoothed(values, period, 1.0 / f64::from(period))
}

fn smoothed(values: &[f64], first: u32, k: f64) -> Vec<f64> {
    let first = first as usize;
    let mut line = vec![f64::NAN; values.len()];
    for at in first - 1..values.len() {
        line[at] =
            if at == first - 1 { mean(&values[..first]) } else { values[at] * k + line[at - 1] * (1.0 - k) };
    }
    line
}

fn true_ranges(samples: &[Sample]) -> Vec<f64> {
    let range = |w: &[Sample]| w[1].high.max(w[0].close) - w[1].low.min(w[0].close);
    samples.windows(2).map(range).collect()
}

fn atr(samples: &[Sample], period: u32, convention: Convention) -> f64 {
    let ranges = true_ranges(samples);
    match convention {
        Convention::Terminal => mean(tail(&ranges, period)),
        Convention::TaLib => *wilder(&ranges, period).last().unwrap(),
    }
}

fn movements(samples: &[Sample]) -> Vec<(f64, f64)> {
    let one = |w: &[Sample]| {
        let (up, down) = ((w[1].high - w[0].high).max(0.0), (w[0].low - w[1].low).max(0.0));
        if up > down {
            (up, 0.0)
        } else if down > up {
            (0.0, down)
        } else {
            (0.0, 0.0)
        }
    };
    samples.windows(2).map(one).collect()
}

fn index(plus: f64, minus: f64) -> f64 {
    if plus + minus == 0.0 { 0.0 } else { 100.0 * ((plus - minus) / (plus + minus)).abs() }
}

/// ADX, +DI, -DI.
fn adx(samples: &[Sample], period: u32, convention: Convention) -> [f64; 3] {
    let (ranges, moves) = (true_ranges(samples), movements(samples));
    let n = f64::from(period);
    if convention == Convention::Terminal {
        let k = 2.0 / (n + 1.0);
        let [mut adx, mut plus, mut minus] = [0.0; 3];
        for ((up, down), range) in moves.iter().zip(&ranges) {
            let share = |movement: f64| if *range == 0.0 { 0.0 } else { 100.0 * movement / range };
            plus = share(*up) * k + plus * (1.0 - k);
            minus = share(*down) * k + minus * (1.0 - k);
            adx = index(plus, minus) * k + adx * (1.0 - k);
        }
        return [adx, plus, minus];
    }
    let sum = |value: &dyn Fn(usize) -> f64| {
        let first = period as usize - 1;
        let mut line = vec![(0..first).map(value).sum::<f64>()];
        for at in first..ranges.len() {
            let last = line[line.len() - 1];
            line.push(last - last / n + value(at));
        }
        line.remove(0);
        line
    };
    let (up, down, range) = (sum(&|at| moves[at].0), sum(&|at| moves[at].1), sum(&|at| ranges[at]));
    let share = |line: &[f64]| -> Vec<f64> { line.iter().zip(&range).map(|(m, r)| 100.0 * m / r).collect() };
    let (plus, minus) = (share(&up), share(&down));
    let indices: Vec<f64> = plus.iter().zip(&minus).map(|(p, m)| index(*p, *m)).collect();
    let last = |line: &[f64]| *line.last().unwrap();
    [last(&wilder(&indices, period)), last(&plus), last(&minus)]
}

/// %K and %D; D is NaN until it has enough.
fn stochastic(
    samples: &[Sample],
    [period, slowing, signal]: [u32; 3],
    price: PriceField,
    convention: Convention,
) -> [f64; 2] {
    let mut parts = Vec::new();
    for end in period as usize..=samples.len() {
        let window = tail(&samples[..end], period);
        let (high, low) = match price {
            PriceField::LowHigh => {
                (largest(window.iter().map(|s| s.high)), smallest(window.iter().map(|s| s.low)))
            }
            PriceField::Close => {
                (largest(window.iter().map(|s| s.close)), smallest(window.iter().map(|s| s.close)))
            }
        };
        parts.push((samples[end - 1].close - low, high - low));
    }
    let mut k = Vec::new();
    for end in slowing as usize..=parts.len() {
        let window = tail(&parts[..end], slowing);
        k.push(match convention {
            Convention::Terminal => {
                let (above, range) = window.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
                if range == 0.0 { 100.0 } else { 100.0 * above / range }
            }
            Convention::TaLib => {
                let shares: Vec<f64> =
                    window.iter().map(|p| if p.1 == 0.0 { 0.0 } else { 100.0 * p.0 / p.1 }).collect();
                mean(&shares)
            }
        });
    }
    let d = if k.len() < signal as usize { f64::NAN } else { mean(tail(&k, signal)) };
    [k[k.len() - 1], d]
}

fn channel(output: BandOutput, x: f64, [lower, middle, upper]: [f64; 3]) -> f64 {
    match output {
        BandOutput::Middle => middle,
        BandOutput::Upper => upper,
        BandOutput::Lower => lower,
        BandOutput::Width => upper - lower,
        BandOutput::PercentB if upper == lower => 0.5,
        BandOutput::PercentB => (x - lower) / (upper - lower),
    }
}

fn weight(weight: Weight, s: &Sample) -> f64 {
    if weight == Weight::Ticks { s.ticks } else { s.lots }
}

fn rsi(values: &[f64], period: u32) -> f64 {
    let moves: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    let of = |sign: f64| {
        let side: Vec<f64> = moves.iter().map(|m| (sign * m).max(0.0)).collect();
        *wilder(&side, period).last().unwrap()
    };
    let (up, down) = (of(1.0), of(-1.0));
    if up + down == 0.0 { 50.0 } else { 100.0 - 100.0 / (1.0 + up / down) }
}

fn macd(values: &[f64], [fast, slow, signal]: [u32; 3], seed: Seed, average: SignalAverage) -> [f64; 2] {
    let (quick, lazy) = (ema(values, fast, seed), ema(values, slow, seed));
    let main: Vec<f64> = quick.iter().zip(&lazy).map(|(f, s)| f - s).collect();
    let valid: Vec<f64> = main.iter().copied().filter(|m| !m.is_nan()).collect();
    let line = match average {
        SignalAverage::Simple => mean(&valid[valid.len().saturating_sub(signal as usize)..]),
        SignalAverage::Exponential => *ema(&valid, signal, seed).last().unwrap(),
    };
    [main[main.len() - 1], line]
}

fn vwap(samples: &[Sample], anchor: Anchor, weighted: Weight) -> f64 {
    let session = |s: &Sample, start: u16| (s.ts_ns - i64::from(start) * MINUTE_NS).div_euclid(DAY_NS);
    let window: Vec<&Sample> = match anchor {
        Anchor::Rolling { period } => tail(samples, period).iter().collect(),
        Anchor::Session { start_minute } => {
            let today = session(&samples[samples.len() - 1], start_minute);
            samples.iter().filter(|s| session(s, start_minute) == today).collect()
        }
    };
    let total: f64 = window.iter().map(|s| weight(weighted, s)).sum();
    window.iter().map(|s| typical(s) * weight(weighted, s)).sum::<f64>() / total
}

/// Pairs of both instruments' values or changes.
fn pairs(samples: &[Sample], basis: Basis) -> Vec<(f64, f64)> {
    let levels: Vec<(f64, f64)> = samples.iter().filter_map(|s| Some((s.close, s.other?))).collect();
    match basis {
        Basis::Level => levels,
        Basis::Change => levels.windows(2).map(|w| (w[1].0 - w[0].0, w[1].1 - w[0].1)).collect(),
    }
}

/// Covariance and both variances of the newest; NaN while there are too few.
fn covariance(pairs: &[(f64, f64)], period: u32) -> [f64; 3] {
    if pairs.len() < period as usize {
        return [f64::NAN; 3];
    }
    let pairs = tail(pairs, period);
    let n = pairs.len() as f64;
    let (a, b) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    [sum(&|p| (p.0 - a) * (p.1 - b)), sum(&|p| (p.0 - a) * (p.0 - a)), sum(&|p| (p.1 - b) * (p.1 - b))]
}

fn flow(samples: &[Sample], period: u32) -> f64 {
    let event = |w: &[Sample]| {
        let ([bid0, ask0, bq0, aq0], [bid1, ask1, bq1, aq1]) = (w[0].book, w[1].book);
        let bid = if bid1 > bid0 {
            bq1
        } else if bid1 < bid0 {
            -bq0
        } else {
            bq1 - bq0
        };
        let ask = if ask1 < ask0 {
            aq1
        } else if ask1 > ask0 {
            -aq0
        } else {
            aq1 - aq0
        };
        bid - ask
    };
    samples[samples.len() - period as usize - 1..].windows(2).map(event).sum()
}

fn signs(values: &[f64]) -> Vec<f64> {
    let mut last = 0.0;
    let sign = |w: &[f64]| {
        last = if w[1] > w[0] {
            1.0
        } else if w[1] < w[0] {
            -1.0
        } else {
            last
        };
        last
    };
    values.windows(2).map(sign).collect()
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}

/// The value of a kind at the last of these samples, which are all there have been.
pub(crate) fn value(kind: Kind, samples: &[Sample], offset_ns: i64) -> f64 {
    let now = samples[samples.len() - 1];
    let x = closes(samples);
    let (last, ago) = (now.close, |lag: u32| x[x.len() - 1 - lag as usize]);
    let local_ns = now.ts_ns + offset_ns;
    let minute = local_ns.rem_euclid(DAY_NS) / MINUTE_NS;
    let angle = minute as f64 / 1_440.0 * std::f64::consts::TAU;
    match kind {
        Kind::Value => last,
        Kind::Lag { lag } => ago(lag),
        Kind::Change { lag } => last - ago(lag),
        Kind::Return { lag } => (last - ago(lag)) / ago(lag),
        Kind::LogReturn { lag } => (last / ago(lag)).ln(),
        Kind::Momentum { lag } => 100.0 * last / ago(lag),
        Kind::Roc { lag } => 100.0 * (last / ago(lag) - 1.0),
        Kind::Sma { period } => mean(tail(&x, period)),
        Kind::Ema { period, seed } => *ema(&x, period, seed).last().unwrap(),
        Kind::Wma { period } => {
            let weighted = tail(&x, period).iter().enumerate().map(|(at, x)| (at + 1) as f64 * x);
            weighted.sum::<f64>() / (f64::from(period) * f64::from(period + 1) / 2.0)
        }
        Kind::Smma { period } => *wilder(&x, period).last().unwrap(),
        Kind::Rsi { period } => rsi(&x, period),
        Kind::Macd { fast, slow, signal, seed, average, output } => {
            let [main, line] = macd(&x, [fast, slow, signal], seed, average);
            match output {
                MacdOutput::Main => main,
                MacdOutput::Signal => line,
                MacdOutput::Histogram => main - line,
            }
        }
        Kind::Cci { period } => {
            let prices: Vec<f64> = tail(samples, period).iter().map(typical).collect();
            let mean_price = mean(&prices);
            let distance = prices.iter().map(|p| (p - mean_price).abs()).sum::<f64>() / f64::from(period);
            if distance < 1e-9 { 0.0 } else { (typical(&now) - mean_price) / (0.015 * distance) }
        }
        Kind::Stochastic { period, slowing, signal, price, convention, output } => {
            let lines = stochastic(samples, [period, slowing, signal], price, convention);
            lines[usize::from(output == StochasticOutput::D)]
        }
        Kind::Bollinger { period, deviations, output } => {
            let (middle, half) = (mean(tail(&x, period)), deviations * deviation(tail(&x, period)));
            channel(output, last, [middle - half, middle, middle + half])
        }
        Kind::Donchian { period, output } => {
            let high = largest(tail(samples, period).iter().map(|s| s.high));
            let low = smallest(tail(samples, period).iter().map(|s| s.low));
            channel(output, last, [low, (high + low) / 2.0, high])
        }
        Kind::Keltner { period, atr_period, multiplier, convention, output } => {
            let middle = *ema(&x, period, Seed::First).last().unwrap();
            let half = multiplier * atr(samples, atr_period, convention);
            channel(output, last, [middle - half, middle, middle + half])
        }
        Kind::Atr { period, convention } => atr(samples, period, convention),
        Kind::Adx { period, convention, output } => {
            let place = [AdxOutput::Adx, AdxOutput::PlusDi, AdxOutput::MinusDi];
            adx(samples, period, convention)[place.iter().position(|line| *line == output).unwrap()]
        }
        Kind::Deviation { period } => deviation(tail(&x, period)),
        Kind::ZScore { period } => {
            let spread = deviation(tail(&x, period));
            if spread == 0.0 { 0.0 } else { (last - mean(tail(&x, period))) / spread }
        }
        Kind::Minimum { period } => smallest(tail(&x, period).iter().copied()),
        Kind::Maximum { period } => largest(tail(&x, period).iter().copied()),
        Kind::Quantile { period, quantile: q } => quantile(tail(&x, period), q),
        Kind::Volatility { period, estimator } => {
            let squares: Vec<f64> = match estimator {
                Estimator::Close => x.windows(2).map(|w| (w[1] / w[0]).ln().powi(2)).collect(),
                Estimator::Parkinson => {
                    samples.iter().map(|s| (s.high / s.low).ln().powi(2) / (4.0 * 2.0f64.ln())).collect()
                }
            };
            mean(tail(&squares, period)).sqrt()
        }
        Kind::Vwap { anchor, weight } => vwap(samples, anchor, weight),
        Kind::Obv { weight: weighted } => {
            let rest = samples.windows(2).map(|w| {
                let change = w[1].close - w[0].close;
                if change == 0.0 { 0.0 } else { change.signum() * weight(weighted, &w[1]) }
            });
            weight(weighted, &samples[0]) + rest.sum::<f64>()
        }
        Kind::TickRate { period } => {
            let since = now.ts_ns - samples[samples.len() - 1 - period as usize].ts_ns;
            f64::from(period) / (since.max(1_000_000) as f64 / 1e9)
        }
        Kind::TickImbalance { period } => mean(tail(&signs(&x), period)),
        Kind::OrderFlowImbalance { period } => flow(samples, period),
        Kind::BookImbalance { period } => {
            let share = |s: &Sample| (s.book[2] - s.book[3]) / (s.book[2] + s.book[3]);
            mean(&tail(samples, period).iter().map(share).collect::<Vec<_>>())
        }
        Kind::TickGap => (now.ts_ns - samples[samples.len() - 2].ts_ns) as f64 / 1e6,
        Kind::Session { from_minute, to_minute } => {
            let (from, to) = (i64::from(from_minute), i64::from(to_minute));
            let inside =
                if from < to { from <= minute && minute < to } else { !(to <= minute && minute < from) };
            f64::from(u8::from(inside))
        }
        Kind::MinuteSine => angle.sin(),
        Kind::MinuteCosine => angle.cos(),
        Kind::DayOfWeek => ((local_ns.div_euclid(DAY_NS) + 4) % 7) as f64,
        Kind::PairSpread { weight, .. } => last - weight * now.other.unwrap_or(f64::NAN),
        Kind::PairRatio { .. } => last / now.other.unwrap_or(f64::NAN),
        Kind::Correlation { period, basis, .. } => {
            let [ab, a, b] = covariance(&pairs(samples, basis), period);
            ab / (a * b).sqrt()
        }
        Kind::Beta { period, basis, .. } => {
            let [ab, _, b] = covariance(&pairs(samples, basis), period);
            ab / b
        }
        Kind::LagOf { .. } | Kind::ChangeOf { .. } => f64::NAN,
    }
}
