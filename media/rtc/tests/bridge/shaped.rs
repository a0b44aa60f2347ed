//! Lines of 20, 10 and 2 Mbit/s as the kernel shapes them (`tc tbf`), and loss as `nft` makes it: the estimate finds what passes, and the
//! picture follows. In a network namespace of its own, so that it needs root.

use std::process::Command;

use super::*;

/// Tells the test that it is the one inside the namespace.
const INSIDE: &str = "NHIPCAU_TEST_SHAPED";
/// Where the viewer lives; what goes there is shaped.
const VIEWER: [u8; 4] = [127, 0, 0, 2];

#[expect(
    clippy::disallowed_methods,
    reason = "a test sets up its network and runs itself in it"
)]
fn program(name: &str) -> Command {
    Command::new(name)
}

fn run(line: &str) -> bool {
    let mut words = line.split(' ');
    program(words.next().unwrap_or_default())
        .args(words)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn must(line: &str) {
    assert!(run(line), "{line}");
}

/// A namespace that ends with the test.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Self> {
        let name = format!("nhipcau-tbf-{}", std::process::id());
        run(&format!("ip netns add {name}")).then(|| Self(name))
    }
}

impl std::ops::Drop for Namespace {
    fn drop(&mut self) {
        run(&format!("ip netns del {}", self.0));
    }
}

#[test]
fn the_picture_follows_a_line_that_the_kernel_shapes() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let Some(namespace) = Namespace::new() else {
        say("SKIPPED: no right to make a network namespace");
        assert!(std::env::var_os("CI").is_none(), "CI must have the right");
        return;
    };
    let done = program("ip")
        .args(["netns", "exec", &namespace.0])
        .arg(std::env::current_exe().unwrap())
        .args([
            "shaped::the_picture_follows_a_line_that_the_kernel_shapes",
            "--exact",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

impl Stage {
    /// A picture of each layer, of 150, 500 and 1,700 kbit/s at 25 a second.
    fn film_at_size(&mut self, number: usize) {
        self.clock += 1;
        let clock = self.clock;
        let client = self.crowd.client(number);
        let asked = client.take_keyframe_requests();
        for (layer, bytes) in [750usize, 2_500, 8_500].into_iter().enumerate() {
            let keyframe = asked[layer] > 0;
            let bytes = if keyframe { bytes * 4 } else { bytes };
            let parts = bytes.div_ceil(1_050);
            for part in 0..parts {
                let body = vec![0x5a; bytes / parts];
                let last = part + 1 == parts;
                client.send_video(layer, part == 0, keyframe, last, clock * 3_600, &body);
            }
        }
        client.send_audio(20, clock * 1_920, &[7; 80]);
        client.flush();
    }

    /// Films in real time until `done` or for `seconds`. Returns whether it was done.
    fn film_until(
        &mut self,
        number: usize,
        seconds: u64,
        mut done: impl FnMut(&Self) -> bool,
    ) -> bool {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut next = Instant::now();
        while Instant::now() < end {
            self.film_at_size(number);
            next += Duration::from_millis(40);
            while Instant::now() < next {
                self.poll();
            }
            self.got.clear();
            if done(self) {
                return true;
            }
        }
        false
    }

    fn viewed(&self, viewer: usize) -> (Option<u8>, u64) {
        self.bridge
            .stats()
            .peers
            .iter()
            .find(|peer| peer.peer == PeerId(viewer as u64))
            .map_or((None, 0), |peer| (peer.layer, peer.estimate_bps))
    }
}

fn inside() {
    must("ip link set lo up");
    must("tc qdisc add dev lo root handle 1: htb default 1");
    must("tc class add dev lo parent 1: classid 1:1 htb rate 10gbit");
    must("tc class add dev lo parent 1: classid 1:2 htb rate 10gbit");
    must("tc filter add dev lo parent 1: protocol ip u32 match ip dst 127.0.0.2/32 flowid 1:2");
    for (rate_mbit, queue_bytes, layer) in [(20, 50_000, 2), (10, 50_000, 2), (2, 60_000, 1)] {
        must(&format!(
            "tc qdisc replace dev lo parent 1:2 tbf rate {rate_mbit}mbit burst 16k limit {queue_bytes}"
        ));
        a_line(&format!("{rate_mbit} Mbit/s"), rate_mbit * 1_000_000, layer);
    }
    must("tc qdisc replace dev lo parent 1:2 tbf rate 20mbit burst 16k limit 50000");
    must("nft add table ip road");
    must("nft add chain ip road in { type filter hook input priority 0 ; }");
    must("nft add rule ip road in ip daddr 127.0.0.2 numgen random mod 100 < 10 drop");
    a_line("20 Mbit/s with 10 % loss", 20_000_000, 2);
}

fn a_line(name: &str, rate_bps: u64, layer: u8) {
    let mut stage = Stage::new(Protection::Gcm);
    let sender = stage.join(publisher(3));
    let viewer = stage.join(ClientOptions {
        bind: VIEWER.into(),
        repair: true,
        ..ClientOptions::default()
    });
    let started = Instant::now();
    let reached = stage.film_until(sender, 40, |stage| stage.viewed(viewer).0 >= Some(layer));
    let after = started.elapsed();
    assert!(reached, "{name}: {:?}", stage.viewed(viewer));
    let before = stage.crowd.clients()[viewer].received().video[0].clone();
    let (mut looks, mut low) = (0, 0);
    stage.film_until(sender, 6, |stage| {
        looks += 1;
        low += u32::from(stage.viewed(viewer).0 < Some(layer.min(1)));
        false
    });
    let now = stage.crowd.clients()[viewer].received().video[0].clone();
    let (layer_now, estimate_bps) = stage.viewed(viewer);
    let missing = now.missing().saturating_sub(before.missing());
    let packets = now.delivered - before.delivered;
    say(&format!(
        "{name}: layer {layer} after {after:?}, then {layer_now:?}, estimate {estimate_bps}, {missing} of {packets} packets missing"
    ));
    // The bucket of the shaper lets a burst pass faster than its rate, a probe too.
    assert!(estimate_bps < rate_bps * 13 / 10, "{name}: {estimate_bps}");
    assert!(packets > 100, "{name}: {packets}");
    assert!(
        missing * 20 <= packets,
        "{name}: {missing} of {packets} missing for good"
    );
    // Loss that nothing explains is tried for a moment: less is sent, to see whether it goes.
    assert!(low * 2 < looks, "{name}: low in {low} of {looks} looks");
}
