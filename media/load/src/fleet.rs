//! Many synthetic sites in one thread: they send what their cameras and microphones have, and note what comes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use nhipcau_media_rtc::client::{
    Client, ClientError, ClientIdentity, ClientOptions, Crowd, LineCounts, LineOptions, Packet,
    Protection, Received, Shape,
};
use nhipcau_sfu::Kind;

use crate::histogram::Histogram;
use crate::report::Report;
use crate::seat::{Awaited, Seat, WAITS, Wait};
use crate::sound::Sound;
use crate::source::{Camera, CameraShape, Microphone};
use crate::stamp::{Stamp, WallClock};

/// Between two looks at who is connected, and at pictures that stand.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Sites of one fleet; stamps carry their number in 16 bits.
pub const SEATS_MAX: usize = 4_096;

/// One site to be.
#[derive(Clone, Debug)]
pub struct SeatOptions {
    /// What its camera films; `None` is off.
    pub camera: Option<CameraShape>,
    /// Whether its microphone is on.
    pub microphone: bool,
    /// M-lines for sound and for pictures to receive in.
    pub slots: (usize, usize),
    /// M-lines of its offer.
    pub shape: Shape,
    /// Its line.
    pub line: LineOptions,
    /// Local address.
    pub bind: IpAddr,
    /// When somebody clicked on its link.
    pub clicked: Instant,
    /// Whether it waits for a first picture.
    pub expects: bool,
}

impl SeatOptions {
    /// A viewer of our page on a plain loopback line.
    #[must_use]
    pub fn viewer(slots: (usize, usize)) -> Self {
        Self {
            camera: None,
            microphone: false,
            slots,
            shape: Shape::Page,
            line: LineOptions::default(),
            bind: IpAddr::from([127, 0, 0, 1]),
            clicked: Instant::now(),
            expects: true,
        }
    }

    fn client(&self) -> ClientOptions {
        ClientOptions {
            bind: self.bind,
            layers: self.camera.as_ref().map_or(0, CameraShape::layers),
            audio: self.microphone,
            slots_audio: self.slots.0,
            slots_video: self.slots.1,
            shape: self.shape,
            repair: true,
            line: self.line,
            ..ClientOptions::default()
        }
    }
}

/// Sites that run.
pub struct Fleet {
    crowd: Crowd,
    seats: Vec<Seat>,
    /// Seats with a camera or a microphone.
    senders: Vec<usize>,
    clock: WallClock,
    seed: u64,
    body: Vec<u8>,
    looked_at: Option<Instant>,
    tally: Tally,
    /// What clients that were replaced had received.
    left: Vec<(Received, LineCounts, LineCounts)>,
}

/// What concerns all sites.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Media packets that came for the first time.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) waits: [Histogram; WAITS],
    /// Waits that ended without a picture.
    pub(crate) unmet: [u64; WAITS],
    pub(crate) connect: Histogram,
    pub(crate) picture_latency: Histogram,
    pub(crate) sound_latency: Histogram,
}

impl Fleet {
    /// Nobody yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::Certificate`].
    pub fn new(seed: u64) -> Result<Self, ClientError> {
        Ok(Self {
            crowd: Crowd::new(ClientIdentity::new(Protection::Gcm)?),
            seats: Vec::new(),
            senders: Vec::new(),
            clock: WallClock::new(),
            seed,
            body: Vec::with_capacity(2_048),
            looked_at: None,
            tally: Tally::default(),
            left: Vec::new(),
        })
    }

    /// Seats a site and returns its number; it waits for its first picture from the click on.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`] when there is no socket left.
    pub fn seat(&mut self, options: &SeatOptions) -> Result<usize, ClientError> {
        let client = Client::new(options.client(), Instant::now())?;
        let number = self.crowd.add(client);
        let seat = self.seated(number, options);
        self.seats.push(seat);
        Ok(number)
    }

    /// Seats a site in the place of one that left.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`] when there is no socket left.
    pub fn seat_again(&mut self, number: usize, options: &SeatOptions) -> Result<(), ClientError> {
        let client = Client::new(options.client(), Instant::now())?;
        let left = self.crowd.replace(number, client);
        let (up, down) = left.line_counts();
        self.left.push((left.received().clone(), up, down));
        let before = self.seated(number, options);
        let before = std::mem::replace(&mut self.seats[number], before);
        // What was seen before stays in the report.
        let seat = &mut self.seats[number];
        seat.video = before.video;
        for slot in &mut seat.video {
            slot.pictures.begin_again();
        }
        seat.audio = before.audio;
        for sound in &mut seat.audio {
            sound.begin_again();
        }
        seat.layers = before.layers;
        seat.keyframe_requests = before.keyframe_requests;
        Ok(())
    }

    fn seated(&mut self, number: usize, options: &SeatOptions) -> Seat {
        let now = Instant::now();
        let seed = self.seed.wrapping_add((number as u64) << 20);
        let camera = options
            .camera
            .clone()
            .map(|shape| Camera::new(shape, seed, now));
        let microphone = options.microphone.then(|| Microphone::new(seed, now));
        self.senders.retain(|sender| *sender != number);
        if camera.is_some() || microphone.is_some() {
            self.senders.push(number);
        }
        let awaited = (options.expects && options.slots.1 > 0).then_some(Awaited {
            wait: Wait::Join,
            publisher: None,
            slot: None,
            since: options.clicked,
        });
        Seat {
            camera,
            microphone,
            present: true,
            clicked: Some(options.clicked),
            awaited: awaited.into_iter().collect(),
            ..Seat::default()
        }
    }

    /// The site's offer.
    #[must_use]
    pub fn offer(&self, number: usize) -> String {
        self.crowd.offer(number)
    }

    /// Takes the answer to the offer.
    ///
    /// # Errors
    ///
    /// [`ClientError::Answer`] names what it lacks.
    pub fn accept(&mut self, number: usize, answer: &str) -> Result<(), ClientError> {
        self.crowd.client(number).accept(answer)
    }

    /// Answers the offer of a server.
    ///
    /// # Errors
    ///
    /// [`ClientError::Answer`] names what it lacks.
    pub fn answer(&mut self, number: usize, offer: &str) -> Result<String, ClientError> {
        self.crowd.answer(number, offer)
    }

    /// Closes a site's connection; what it waited for is forgotten.
    pub fn leave(&mut self, number: usize) {
        self.crowd.client(number).close();
        let seat = &mut self.seats[number];
        seat.present = false;
        seat.connected = false;
        seat.awaited.clear();
        for seat in &mut self.seats {
            seat.awaited
                .retain(|awaited| awaited.publisher != Some(number as u16));
        }
    }

    /// Somebody speaks at a site, or no longer.
    pub fn speak(&mut self, number: usize, on: bool) {
        if let Some(microphone) = &mut self.seats[number].microphone {
            microphone.speaks = on;
        }
    }

    /// A site waits for a picture of `publisher` from `since` on, in `slot` or anywhere.
    pub fn expect(
        &mut self,
        number: usize,
        wait: Wait,
        publisher: usize,
        slot: Option<usize>,
        since: Instant,
    ) {
        self.seats[number].awaited.push(Awaited {
            wait,
            publisher: Some(publisher as u16),
            slot,
            since,
        });
    }

    /// Ends all waits of a kind at a site: those that are left were not met.
    pub fn end_waits(&mut self, number: usize, wait: Wait, now: Instant) {
        let tally = &mut self.tally;
        self.seats[number].awaited.retain(|awaited| {
            if awaited.wait != wait {
                return true;
            }
            tally.unmet[wait as usize] += 1;
            tally.waits[wait as usize].add(now.saturating_duration_since(awaited.since));
            false
        });
    }

    /// Who is seen at a site now, by slot: seat and layer.
    #[must_use]
    pub fn screen(&self, number: usize) -> Vec<Option<(u16, u8)>> {
        let video = self.seats[number].video.iter();
        video.map(|slot| slot.pictures.source()).collect()
    }

    /// Sites, those that left included.
    #[must_use]
    pub fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Sites that are connected.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.seats.iter().filter(|seat| seat.connected).count()
    }

    /// Whether a site is connected.
    #[must_use]
    pub fn is_connected(&self, number: usize) -> bool {
        self.crowd.clients()[number].is_connected()
    }

    /// Whether a site still waits for its first picture.
    #[must_use]
    pub fn is_dark(&self, number: usize) -> bool {
        let mut awaited = self.seats[number].awaited.iter();
        awaited.any(|awaited| awaited.wait == Wait::Join)
    }

    /// Media packets that came for the first time, at all sites.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.tally.packets
    }

    /// The waits of a kind that were ended, by a picture or without.
    #[must_use]
    pub fn waits(&self, wait: Wait) -> &Histogram {
        &self.tally.waits[wait as usize]
    }

    /// Keyframes that were asked of a site's camera so far.
    #[must_use]
    pub fn keyframe_requests(&self, number: usize) -> u64 {
        self.seats[number].keyframe_requests
    }

    /// Packets that are missing at a site for good.
    #[must_use]
    pub fn missing(&self, number: usize) -> u64 {
        let received = self.crowd.clients()[number].received();
        let slots = received.audio.iter().chain(&received.video);
        slots
            .map(nhipcau_media_rtc::client::SlotCounts::missing)
            .sum()
    }

    /// Pictures shown at a site, in all slots.
    #[must_use]
    pub fn pictures(&self, number: usize) -> u64 {
        let video = self.seats[number].video.iter();
        video.map(|slot| slot.pictures.count).sum()
    }

    /// Holes in the sound so far were those of the beginning.
    pub fn forget_holes(&mut self) {
        for seat in &mut self.seats {
            seat.audio.iter_mut().for_each(Sound::forget_holes);
        }
    }

    /// Nobody sends any more.
    pub fn hush(&mut self) {
        self.senders.clear();
    }

    /// Sends what is due, and takes what comes within `wait` at most.
    pub fn turn(&mut self, wait: Duration) {
        let now = Instant::now();
        let mut wait = wait;
        for index in 0..self.senders.len() {
            let number = self.senders[index];
            let seat = &mut self.seats[number];
            if !seat.present || !seat.connected {
                continue;
            }
            if seat.due().is_some_and(|due| due <= now) {
                let client = self.crowd.client(number);
                seat.send(number as u16, client, now, &self.clock, &mut self.body);
            }
            if let Some(due) = seat.due() {
                wait = wait.min(due.saturating_duration_since(now));
            }
        }
        let Self {
            crowd,
            seats,
            tally,
            clock,
            ..
        } = self;
        crowd.poll(wait, |packet| take(seats, tally, clock, &packet));
        if self
            .looked_at
            .is_none_or(|at| now.saturating_duration_since(at) >= LOOK_EVERY)
        {
            self.looked_at = Some(now);
            self.look(now);
        }
    }

    fn look(&mut self, now: Instant) {
        for (number, seat) in self.seats.iter_mut().enumerate() {
            if !seat.present {
                continue;
            }
            if !seat.connected && self.crowd.clients()[number].is_connected() {
                seat.connected = true;
                // Cameras start when there is somebody to send to, not with a burst of what was missed.
                let seed = self.seed.wrapping_add((number as u64) << 20);
                if let Some(camera) = &mut seat.camera {
                    camera.begin(seed, now);
                }
                if let Some(microphone) = &mut seat.microphone {
                    microphone.due = now;
                }
                if let Some(clicked) = seat.clicked {
                    self.tally
                        .connect
                        .add(now.saturating_duration_since(clicked));
                }
            }
            seat.ask(self.crowd.client(number), now);
        }
    }

    /// Everything so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        report.note_tally(&self.tally);
        for seat in &self.seats {
            report.note_seat(seat);
        }
        for client in self.crowd.clients() {
            let (up, down) = client.line_counts();
            report.note_received(client.received(), up, down);
        }
        for (received, up, down) in &self.left {
            report.note_received(received, *up, *down);
        }
        report
    }
}

fn take(seats: &mut [Seat], tally: &mut Tally, clock: &WallClock, packet: &Packet<'_>) {
    if !packet.fresh {
        return;
    }
    tally.packets += 1;
    tally.bytes += packet.payload.len() as u64;
    let stamp = Stamp::read(packet.payload);
    let latency =
        stamp.map(|stamp| Duration::from_micros(clock.us(packet.at).saturating_sub(stamp.sent_us)));
    let seat = &mut seats[packet.client];
    let shown = seat.take(packet, stamp, latency);
    if packet.kind == Kind::Audio
        && let Some(latency) = latency
    {
        tally.sound_latency.add(latency);
    }
    let Some(shown) = shown else { return };
    if let Some(latency) = latency {
        tally.picture_latency.add(latency);
    }
    if shown.keyframe && !seat.awaited.is_empty() {
        seat.awaited.retain(|awaited| {
            let met = awaited.is_met(packet.slot, shown.source);
            if met {
                let waited = packet.at.saturating_duration_since(awaited.since);
                tally.waits[awaited.wait as usize].add(waited);
            }
            !met
        });
    }
}
