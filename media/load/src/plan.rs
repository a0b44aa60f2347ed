//! What a load run is to do, with its bounds.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use nhipcau_media_rtc::client::LineOptions;

/// Sites of one run.
pub const PEERS_MAX: usize = 2_000;
/// A run stops by itself.
pub const LENGTH_MAX: Duration = Duration::from_secs(3_600);
/// Tiles that a page of ours may ask for.
pub const TILES_MAX: usize = 11;

/// Where the sites go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Rooms of a Nhịp Cầu, one join link a site.
    Links(Vec<String>),
    /// A conference of a Nhịp Cầu, whose links an account with the role of a host may read.
    Conference {
        /// `https://HOST`.
        origin: String,
        /// The conference's number.
        id: i64,
        /// The account.
        username: String,
        /// Its password.
        password: String,
    },
    /// Any WHIP and WHEP server: publishers go to the first, viewers to the second. `{n}` in an address is the site's number.
    Endpoints {
        /// Where publishers post their offers.
        whip: Option<String>,
        /// Where viewers do.
        whep: Option<String>,
        /// Bearer tokens, in turn; none is allowed.
        tokens: Vec<String>,
    },
}

/// What a load run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the sites go.
    pub target: Target,
    /// Goes there instead of to the origin that links name.
    pub origin: Option<String>,
    /// Certificates (PEM) to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Sites.
    pub peers: usize,
    /// Those with camera and microphone, the first ones.
    pub publishers: usize,
    /// Simulcast layers of a camera, 1 to 3.
    pub layers: usize,
    /// How long the run is, the ramp included.
    pub length: Duration,
    /// All sites click on their links within this time.
    pub ramp: Duration,
    /// Tiles beside the large picture.
    pub tiles: usize,
    /// How often each site turns its page; zero is never.
    pub turn_every: Duration,
    /// How often another site speaks; zero is never.
    pub speaker_every: Duration,
    /// Viewers that leave and join again, a minute.
    pub churn_per_minute: f64,
    /// The line of the sites that have a bad one.
    pub line: LineOptions,
    /// How many have it: the last ones.
    pub line_peers: usize,
    /// What chance begins with.
    pub seed: u64,
    /// Local address; chosen by the target unless given.
    pub bind: Option<IpAddr>,
}

impl Plan {
    /// A minute of ten viewers.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            origin: None,
            ca: None,
            peers: 10,
            publishers: 1,
            layers: 3,
            length: Duration::from_secs(60),
            ramp: Duration::from_secs(5),
            tiles: 0,
            turn_every: Duration::ZERO,
            speaker_every: Duration::ZERO,
            churn_per_minute: 0.0,
            line: LineOptions::default(),
            line_peers: 0,
            seed: 1,
            bind: None,
        }
    }

    /// What cannot be.
    ///
    /// # Errors
    ///
    /// One sentence for the person who asked for it.
    pub fn check(&self) -> Result<(), String> {
        let within = |what: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!("{what}: {value} is not within {low} and {high}"))
            }
        };
        within("peers", self.peers, 1, PEERS_MAX)?;
        within("publishers", self.publishers, 0, self.peers)?;
        within("layers", self.layers, 1, 3)?;
        within("tiles", self.tiles, 0, TILES_MAX)?;
        within(
            "seconds",
            self.length.as_secs() as usize,
            1,
            LENGTH_MAX.as_secs() as usize,
        )?;
        if self.ramp >= self.length {
            return Err(
                "the run ends before all have joined: --ramp is not below --seconds".into(),
            );
        }
        for share in [self.line.loss, self.line.reorder] {
            if !(0.0..=1.0).contains(&share) {
                return Err("--loss and --reorder are percent, 0 to 100".into());
            }
        }
        match &self.target {
            Target::Links(links) if links.len() < self.peers => Err(format!(
                "{} links are not enough for {} peers",
                links.len(),
                self.peers
            )),
            Target::Endpoints { whip: None, .. } if self.publishers > 0 => {
                Err("publishers need --whip".into())
            }
            Target::Endpoints { whep: None, .. } if self.publishers < self.peers => {
                Err("viewers need --whep".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_cannot_be_are_refused() {
        let links = |count| Target::Links(vec!["http://127.0.0.1/p/a#b".into(); count]);
        assert_eq!(Plan::new(links(10)).check(), Ok(()));
        let wrong = [
            Plan::new(links(9)),
            Plan {
                peers: 0,
                ..Plan::new(links(10))
            },
            Plan {
                publishers: 11,
                ..Plan::new(links(10))
            },
            Plan {
                ramp: Duration::from_secs(60),
                ..Plan::new(links(10))
            },
            Plan {
                length: Duration::from_secs(4_000),
                ..Plan::new(links(10))
            },
            Plan::new(Target::Endpoints {
                whip: Some("http://127.0.0.1/whip".into()),
                whep: None,
                tokens: Vec::new(),
            }),
        ];
        for plan in wrong {
            assert!(plan.check().is_err(), "{plan:?}");
        }
    }
}
