//! Quantities that move with time, as closed formulas: a value now, and its integral since ever.

use std::f64::consts::TAU;

/// A source of repeatable noise (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    /// The noise of `name` in the world of `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, so that a device keeps its noise when others come and go.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A serial number of `length` letters and digits after `prefix`.
    pub(crate) fn serial(&mut self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        let mut text = prefix.to_owned();
        for _ in 0..length {
            text.push(char::from(
                LETTERS[(self.bits() % LETTERS.len() as u64) as usize],
            ));
        }
        text
    }
}

/// `mean × (1 + Σ share·sin(omega·t + phase))`; the shares sum to less than one, so it is never negative.
#[derive(Clone, Debug)]
pub(crate) struct Wave {
    mean: f64,
    terms: [Term; 4],
}

#[derive(Clone, Debug)]
struct Term {
    share: f64,
    omega: f64,
    phase: f64,
}

const DAY_S: f64 = 86_400.0;
/// Hours that Vietnam is ahead of UTC.
const LOCAL_HOURS: f64 = 7.0;

impl Wave {
    /// Traffic of people at work: a day with its peaks in mid-morning and mid-afternoon, and noise.
    pub(crate) fn office(mean: f64, noise: &mut Noise) -> Self {
        // sin is at its top a quarter period after its zero: phases put the tops at 12:30 and at 9:30/15:30 local time.
        let top_at =
            |hour: f64, period_s: f64| TAU / 4.0 - TAU * (hour - LOCAL_HOURS) * 3600.0 / period_s;
        Self {
            mean,
            terms: [
                Term {
                    share: 0.5,
                    omega: TAU / DAY_S,
                    phase: top_at(12.5, DAY_S),
                },
                Term {
                    share: 0.14,
                    omega: TAU * 4.0 / DAY_S,
                    phase: top_at(9.5, DAY_S / 4.0),
                },
                Term {
                    share: 0.16,
                    omega: TAU / noise.between(500.0, 1100.0),
                    phase: noise.between(0.0, TAU),
                },
                Term {
                    share: 0.12,
                    omega: TAU / noise.between(60.0, 140.0),
                    phase: noise.between(0.0, TAU),
                },
            ],
        }
    }

    /// A measured quantity that wanders by `share` (of its mean, below 0.9) around it.
    pub(crate) fn wander(mean: f64, share: f64, noise: &mut Noise) -> Self {
        let mut term = |part: f64, low_s: f64, high_s: f64| Term {
            share: share * part,
            omega: TAU / noise.between(low_s, high_s),
            phase: noise.between(0.0, TAU),
        };
        Self {
            mean,
            terms: [
                term(0.4, 70_000.0, 90_000.0),
                term(0.3, 3000.0, 9000.0),
                term(0.2, 300.0, 700.0),
                term(0.1, 40.0, 90.0),
            ],
        }
    }

    /// A quantity that stays as it is.
    pub(crate) fn still(value: f64) -> Self {
        let term = || Term {
            share: 0.0,
            omega: 1.0,
            phase: 0.0,
        };
        Self {
            mean: value,
            terms: [term(), term(), term(), term()],
        }
    }

    /// The value at `t` (seconds since 1970).
    pub(crate) fn value(&self, t: f64) -> f64 {
        self.mean
            * (1.0
                + self
                    .terms
                    .iter()
                    .map(|term| term.share * (term.omega * t + term.phase).sin())
                    .sum::<f64>())
    }

    /// ∫ value dt from 0 to `t`, up to a constant; it never falls.
    pub(crate) fn integral(&self, t: f64) -> f64 {
        let swing: f64 = self
            .terms
            .iter()
            .map(|term| term.share * (term.omega * t + term.phase).cos() / term.omega)
            .sum();
        self.mean * (t - swing)
    }

    /// The highest value that it can take.
    pub(crate) fn peak(&self) -> f64 {
        self.mean * (1.0 + self.terms.iter().map(|term| term.share).sum::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integral_agrees_with_value_and_never_falls() {
        let wave = Wave::office(5e6, &mut Noise::new(7, "x"));
        let start = 1.79e9;
        let mut sum = 0.0;
        let mut last = wave.integral(start);
        for second in 0..7200 {
            let t = start + f64::from(second);
            sum += wave.value(t + 0.5);
            let total = wave.integral(t + 1.0);
            assert!(total >= last, "fell at {second}");
            last = total;
        }
        let difference = (last - wave.integral(start) - sum).abs() / sum;
        assert!(difference < 1e-3, "{difference}");
    }

    #[test]
    fn office_is_busier_at_ten_than_at_three_at_night() {
        let wave = Wave::office(1.0, &mut Noise::new(7, "x"));
        let midnight_local = 20_000.0 * DAY_S - LOCAL_HOURS * 3600.0;
        let mean = |hour: f64| {
            let from = midnight_local + hour * 3600.0;
            (wave.integral(from + 3600.0) - wave.integral(from)) / 3600.0
        };
        assert!(mean(10.0) > 1.5 * mean(0.5), "{} {}", mean(10.0), mean(0.5));
    }

    #[test]
    fn noise_depends_on_seed_and_name() {
        assert_eq!(Noise::new(1, "a").bits(), Noise::new(1, "a").bits());
        assert_ne!(Noise::new(1, "a").bits(), Noise::new(2, "a").bits());
        assert_ne!(Noise::new(1, "a").bits(), Noise::new(1, "b").bits());
    }
}
