//! A run from the first join to the report.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Uri;
use nhipcau_media_rtc::client::{LineOptions, Shape};
use tokio::sync::watch;

use crate::fleet::{Fleet, SeatOptions};
use crate::plan::{Plan, Target};
use crate::report::Report;
use crate::seat::Wait;
use crate::signal::network::{Network, is_loopback};
use crate::signal::room::{self, Link};
use crate::signal::{Ask, Line, endpoint};
use crate::source::CameraShape;

/// Questions that wait for the thread of the media; who asks more waits.
const ASKS_MAX: usize = 4_096;
/// One turn of the media.
const TURN: Duration = Duration::from_millis(1);
/// Between two lines about how it goes.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Retransmissions end before losses are counted.
const DRAIN: Duration = Duration::from_millis(1_500);
/// Leaving takes no longer.
const LEAVING: Duration = Duration::from_secs(3);
/// Failures that are told in words.
const FAILURES_MAX: usize = 10;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan cannot be.
    #[error("{0}")]
    Plan(String),
    /// Nobody came in.
    #[error("nobody could join: {0}")]
    Nobody(String),
    /// The system gives no socket, certificate or thread.
    #[error("{0}")]
    System(String),
}

/// One site to come.
struct Guest {
    number: usize,
    way: Way,
    options: SeatOptions,
}

enum Way {
    Room(Link),
    Endpoint(String, Option<String>),
}

/// Carries a plan out. Blocks for its length; `say` gets a line about how it goes every few seconds.
///
/// # Errors
///
/// See [`LoadError`]; joins that fail while others come in are in the report.
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Report, LoadError> {
    plan.check().map_err(LoadError::Plan)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| LoadError::System(error.to_string()))?;
    let network = Network::new(plan.ca.as_deref()).map_err(LoadError::Plan)?;
    let guests = runtime.block_on(guests(plan, &network))?;
    let (asks, queue) = sync_channel(ASKS_MAX);
    let (end, ended) = watch::channel(false);
    let line = Line { asks, end: ended };
    let signalling = {
        let plan = plan.clone();
        std::thread::Builder::new()
            .name("signalling".into())
            .spawn(move || runtime.block_on(bring(&plan, guests, network, line)))
            .map_err(|error| LoadError::System(error.to_string()))?
    };
    let mut media = Media::new(plan, queue)?;
    let report = media.run(plan, &mut say);
    // A receiver that is gone means that all sites have left.
    let _ = end.send(true);
    let until = Instant::now() + LEAVING;
    while !signalling.is_finished() && Instant::now() < until {
        media.turn();
    }
    match report.connected {
        0 => Err(LoadError::Nobody(report.failures.join("; "))),
        _ => Ok(report),
    }
}

/// A site has a socket, sometimes two; the usual limit of 1,024 is soon reached.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // With less, the joins that find no socket say so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

async fn guests(plan: &Plan, network: &Network) -> Result<Vec<Guest>, LoadError> {
    let ways: Vec<Way> = match &plan.target {
        Target::Links(links) => rooms(links, plan)?,
        Target::Conference {
            origin,
            id,
            username,
            password,
        } => {
            let links = room::links(network, origin, *id, username, password)
                .await
                .map_err(LoadError::Nobody)?;
            if links.len() < plan.peers {
                return Err(LoadError::Plan(format!(
                    "the conference has {} links, not enough for {} peers",
                    links.len(),
                    plan.peers
                )));
            }
            rooms(&links, plan)?
        }
        Target::Endpoints { whip, whep, tokens } => (0..plan.peers)
            .map(|number| {
                let publishes = number < plan.publishers;
                let url = if publishes { whip } else { whep };
                let url = url
                    .clone()
                    .ok_or_else(|| LoadError::Plan("no endpoint".into()))?;
                let token = tokens.get(number % tokens.len().max(1)).cloned();
                Ok(Way::Endpoint(url, token))
            })
            .collect::<Result<_, LoadError>>()?,
    };
    let guests = ways.into_iter().take(plan.peers).enumerate();
    guests
        .map(|(number, way)| {
            let options = options(plan, number, &way)?;
            Ok(Guest {
                number,
                way,
                options,
            })
        })
        .collect()
}

fn rooms(links: &[String], plan: &Plan) -> Result<Vec<Way>, LoadError> {
    links
        .iter()
        .map(|link| Link::parse(link, plan.origin.as_deref()).map(Way::Room))
        .collect::<Result<_, _>>()
        .map_err(LoadError::Plan)
}

fn options(plan: &Plan, number: usize, way: &Way) -> Result<SeatOptions, LoadError> {
    let publishes = number < plan.publishers;
    let server: Uri = match way {
        Way::Room(link) => link.server(),
        Way::Endpoint(url, _) => url
            .replace("{n}", "0")
            .parse()
            .map_err(|error| format!("{url}: {error}")),
    }
    .map_err(LoadError::Plan)?;
    let bind = plan.bind.unwrap_or_else(|| {
        let v6 = server.host().is_some_and(|host| host.starts_with('['));
        match (is_loopback(&server), v6) {
            (true, false) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (true, true) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            (false, false) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            (false, true) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    });
    let bad = number + plan.line_peers >= plan.peers;
    Ok(SeatOptions {
        camera: publishes.then(|| CameraShape::simulcast(plan.layers)),
        microphone: publishes,
        // A room says how many it has.
        slots: match way {
            Way::Endpoint(..) if publishes => (0, 0),
            _ => (1, 1),
        },
        shape: match way {
            Way::Room(_) => Shape::Page,
            Way::Endpoint(..) if publishes => Shape::Whip,
            Way::Endpoint(..) => Shape::Whep,
        },
        line: if bad {
            LineOptions {
                seed: plan.line.seed.wrapping_add(number as u64),
                ..plan.line
            }
        } else {
            LineOptions::default()
        },
        bind,
        clicked: Instant::now(),
        // Nobody sees itself.
        expects: !publishes || plan.publishers > 1,
    })
}

/// Brings all guests in within the ramp, and waits until they have left.
async fn bring(plan: &Plan, guests: Vec<Guest>, network: Network, line: Line) {
    let stay = (plan.churn_per_minute > 0.0).then(|| {
        let viewers = plan.peers - plan.publishers;
        Duration::from_secs_f64(60.0 * viewers as f64 / plan.churn_per_minute)
    });
    let shared = room::Shared {
        network: network.clone(),
        line: line.clone(),
        known: Arc::new(Mutex::new(HashMap::new())),
        tiles: plan.tiles,
        turn_every: plan.turn_every,
        stay,
        seed: plan.seed,
    };
    drop(line);
    let mut tasks = tokio::task::JoinSet::new();
    for guest in guests {
        let pause = plan.ramp.mul_f64(guest.number as f64 / plan.peers as f64);
        let shared = shared.clone();
        let network = network.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shared.line.ended() => return,
            }
            let options = SeatOptions {
                clicked: Instant::now(),
                ..guest.options
            };
            match guest.way {
                Way::Room(link) => room::attend(guest.number, link, options, shared).await,
                Way::Endpoint(url, token) => {
                    let line = shared.line.clone();
                    endpoint::attend(guest.number, url, token, options, network, line).await;
                }
            }
        });
    }
    drop(shared);
    while tasks.join_next().await.is_some() {}
}

/// The thread of the media.
struct Media {
    fleet: Fleet,
    queue: Receiver<Ask>,
    /// Seats in the fleet by number in the plan.
    places: Vec<Option<usize>>,
    failures: Vec<String>,
    failed: u64,
    /// Who speaks, by number in the plan.
    speaker: Option<usize>,
    spoken_at: Instant,
}

impl Media {
    fn new(plan: &Plan, queue: Receiver<Ask>) -> Result<Self, LoadError> {
        Ok(Self {
            fleet: Fleet::new(plan.seed).map_err(|error| LoadError::System(error.to_string()))?,
            queue,
            places: vec![None; plan.peers],
            failures: Vec::new(),
            failed: 0,
            speaker: None,
            spoken_at: Instant::now(),
        })
    }

    fn run(&mut self, plan: &Plan, say: &mut impl FnMut(&str)) -> Report {
        let began = Instant::now();
        let mut said_at = began;
        while began.elapsed() < plan.length {
            self.turn();
            self.speak(plan);
            // Everybody was refused: there is nothing to wait for.
            if self.failed as usize >= plan.peers {
                break;
            }
            if said_at.elapsed() >= SAY_EVERY {
                said_at = Instant::now();
                say(&format!(
                    "{:.0} s: {} of {} connected, {} failed, {} packets received",
                    began.elapsed().as_secs_f64(),
                    self.fleet.connected(),
                    plan.peers,
                    self.failed,
                    self.fleet.packets()
                ));
            }
        }
        let now = Instant::now();
        for number in 0..self.fleet.seats() {
            for wait in [Wait::Join, Wait::Page, Wait::Speaker] {
                self.fleet.end_waits(number, wait, now);
            }
        }
        self.fleet.hush();
        while now.elapsed() < DRAIN && self.fleet.connected() > 0 {
            self.turn();
        }
        let mut report = self.fleet.report();
        report.note_length(now.saturating_duration_since(began));
        report.failures.clone_from(&self.failures);
        report.failed = self.failed;
        report
    }

    fn turn(&mut self) {
        while let Ok(ask) = self.queue.try_recv() {
            self.answer(ask);
        }
        self.fleet.turn(TURN);
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Seat {
                number,
                options,
                offer,
            } => {
                let seated = match self.places[number] {
                    Some(place) => self.fleet.seat_again(place, &options).map(|()| place),
                    None => self.fleet.seat(&options),
                };
                let made = seated.map(|place| {
                    self.places[number] = Some(place);
                    self.fleet.offer(place)
                });
                // Who asked may be gone: its site stays dark and is counted so.
                let _ = offer.send(made.map_err(|error| error.to_string()));
            }
            Ask::Accept {
                number,
                answer,
                done,
            } => {
                let result = match self.places[number] {
                    Some(place) => self.fleet.accept(place, &answer),
                    None => Ok(()),
                };
                let _ = done.send(result.map_err(|error| error.to_string()));
            }
            Ask::Leave { number } => {
                if let Some(place) = self.places[number] {
                    self.fleet.leave(place);
                }
            }
            Ask::Expect {
                number,
                wait,
                publishers,
                at,
            } => {
                let Some(place) = self.places[number] else {
                    return;
                };
                self.fleet.end_waits(place, wait, at);
                for publisher in publishers {
                    if let Some(publisher) = self.places[publisher] {
                        self.fleet.expect(place, wait, publisher, None, at);
                    }
                }
            }
            Ask::Failed { number, what } => {
                self.failed += 1;
                if self.failures.len() < FAILURES_MAX {
                    self.failures.push(format!("site {number}: {what}"));
                }
            }
        }
    }

    /// Lets the next site speak when it is time.
    fn speak(&mut self, plan: &Plan) {
        let now = Instant::now();
        let first = self.speaker.is_none();
        let turns = !plan.speaker_every.is_zero() && plan.publishers > 1;
        let spoken = now.saturating_duration_since(self.spoken_at);
        let due = first || (turns && spoken >= plan.speaker_every);
        if !due {
            return;
        }
        let start = self.speaker.map_or(0, |speaker| speaker + 1);
        let next = (0..plan.publishers)
            .map(|step| (start + step) % plan.publishers)
            .find_map(|number| {
                let place = self.places[number]?;
                self.fleet.is_connected(place).then_some((number, place))
            });
        let Some((number, place)) = next else { return };
        if let Some(before) = self.speaker.and_then(|speaker| self.places[speaker]) {
            self.fleet.speak(before, false);
        }
        self.fleet.speak(place, true);
        self.speaker = Some(number);
        self.spoken_at = now;
        if first {
            return;
        }
        for site in 0..self.fleet.seats() {
            self.fleet.end_waits(site, Wait::Speaker, now);
            // Who has no picture yet waits for its first one.
            if site != place && self.fleet.is_connected(site) && !self.fleet.is_dark(site) {
                let fleet = &mut self.fleet;
                fleet.expect(site, Wait::Speaker, place, Some(0), now);
            }
        }
    }
}
