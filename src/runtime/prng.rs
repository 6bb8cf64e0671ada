//! The only dice: xoshiro256++ (Blackman and Vigna, 2019), seeded through splitmix64.
//!
//! What it is not: a source of secrets. Keys and tokens come from the operating system.
//!
//! Invariant: the same seed gives the same numbers for ever, on every machine; there is no unseeded way to make one.

/// A seeded generator. Print the seed with whatever it drew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prng {
    state: [u64; 4],
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Prng {
    /// Every seed is good, zero included.
    pub fn new(seed: u64) -> Prng {
        let mut mix = seed;
        Prng { state: std::array::from_fn(|_| splitmix64(&mut mix)) }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0..n without bias (Lemire's method); zero when `n` is zero.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal: mean 0, deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Exponential with mean 1: waiting times.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// An independent generator for a part, so that adding draws to one part does not shift the others.
    pub fn fork(&mut self) -> Prng {
        Prng::new(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_numbers() {
        // Reference outputs of splitmix64.c for seed 1234567.
        let mut seed = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| splitmix64(&mut seed)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn xoshiro_gives_the_published_numbers() {
        // Reference outputs of xoshiro256plusplus.c for the state 1, 2, 3, 4.
        let mut prng = Prng { state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..4).map(|_| prng.next_u64()).collect();
        assert_eq!(drawn, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn draws_stay_in_range_and_spread_evenly() {
        let mut prng = Prng::new(7);
        let mut counts = [0u32; 6];
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..60_000 {
            let uniform = prng.uniform();
            assert!((0.0..1.0).contains(&uniform));
            counts[prng.below(6) as usize] += 1;
            let normal = prng.normal();
            sum += normal;
            square += normal * normal;
        }
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
        assert!((sum / 60_000.0).abs() < 0.02 && (square / 60_000.0 - 1.0).abs() < 0.03);
        assert_eq!(prng.below(0), 0);
        assert_eq!(prng.below(1), 0);
    }
}
