//! A room of ours, as its page does it: the WebSocket, the offer, pages of tiles; leaving and coming back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::header::{COOKIE, ORIGIN, SET_COOKIE};
use hyper::{Method, Uri};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::network::{Network, Stream, authority};
use super::{Ask, Line};
use crate::fleet::SeatOptions;
use crate::seat::Wait;
use crate::source::Dice;

/// From the connection to the server's answer to the offer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who left comes back after this time, in milliseconds.
const AWAY_MS: (u64, u64) = (2_000, 8_000);

/// A join link taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    origin: String,
    room: String,
    token: String,
}

impl Link {
    /// Reads `ORIGIN/p/ROOM#TOKEN`; `origin` is used instead when given.
    pub(crate) fn parse(text: &str, origin: Option<&str>) -> Result<Self, String> {
        // A link is a secret: what is wrong with it is said without it.
        let wrong = || "a link is not of the form https://HOST/p/ROOM#TOKEN".to_owned();
        let (address, token) = text.trim().split_once('#').ok_or_else(wrong)?;
        let (own, room) = address.rsplit_once("/p/").ok_or_else(wrong)?;
        let origin = origin.unwrap_or(own).trim_end_matches('/');
        if room.is_empty() || token.is_empty() || origin.parse::<Uri>().is_err() {
            return Err(wrong());
        }
        Ok(Self {
            origin: origin.to_owned(),
            room: room.to_owned(),
            token: token.to_owned(),
        })
    }

    /// The server's address.
    pub(crate) fn server(&self) -> Result<Uri, String> {
        self.origin
            .parse()
            .map_err(|error| format!("{}: {error}", self.origin))
    }
}

/// The links of a conference, as a host reads them.
pub(crate) async fn links(
    network: &Network,
    origin: &str,
    conference: i64,
    username: &str,
    password: &str,
) -> Result<Vec<String>, String> {
    let origin = origin.trim_end_matches('/');
    let at = |path: &str| {
        let url = format!("{origin}/api/v1{path}");
        url.parse::<Uri>()
            .map_err(|error| format!("{url}: {error}"))
    };
    let headers = [
        (ORIGIN, origin.to_owned()),
        (hyper::header::CONTENT_TYPE, "application/json".to_owned()),
    ];
    let body = json!({ "username": username, "password": password }).to_string();
    let url = at("/session")?;
    let answer = network.ask(Method::POST, &url, &headers, body).await?;
    if !answer.status.is_success() {
        return Err(format!("{url}: {}", answer.complaint()));
    }
    let cookie = answer.headers.get(SET_COOKIE);
    let cookie = cookie
        .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
        .ok_or("the server began no session")?
        .to_owned();
    let session = [(COOKIE, cookie), (ORIGIN, origin.to_owned())];
    let url = at(&format!("/conferences/{conference}"))?;
    let answer = network
        .ask(Method::GET, &url, &session, String::new())
        .await?;
    // The session is not left behind.
    let _ = network
        .ask(Method::DELETE, &at("/session")?, &session, String::new())
        .await;
    if !answer.status.is_success() {
        return Err(format!("{url}: {}", answer.complaint()));
    }
    let detail: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let links = detail["invitations"].as_array().into_iter().flatten();
    let links = links.filter_map(|invitation| Some(invitation["link"].as_str()?.to_owned()));
    Ok(links.collect())
}

/// What all sites of a run share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) network: Network,
    pub(crate) line: Line,
    /// Our sites by their participant's id in the room.
    pub(crate) known: Arc<Mutex<HashMap<String, usize>>>,
    pub(crate) tiles: usize,
    pub(crate) turn_every: Duration,
    /// How long a viewer stays on average; `None` is to the end.
    pub(crate) stay: Option<Duration>,
    pub(crate) seed: u64,
}

/// One site, until the end of the run.
pub(crate) async fn attend(number: usize, link: Link, options: SeatOptions, shared: Shared) {
    let mut dice = Dice::new(shared.seed ^ ((number as u64) << 24));
    loop {
        let options = SeatOptions {
            clicked: Instant::now(),
            ..options.clone()
        };
        // Exponential, as if each minute everybody threw the same dice.
        let stay = shared
            .stay
            .filter(|_| options.camera.is_none())
            .map(|mean| mean.mul_f64(-(1.0 - dice.share()).ln()));
        let ended = Visit {
            number,
            link: &link,
            shared: &shared,
            dice: &mut dice,
        }
        .session(options, stay)
        .await;
        let number_left = Ask::Leave { number };
        shared.line.tell(number_left);
        match ended {
            Ok(End::Run) => return,
            Ok(End::Churn) => {}
            Err(what) => {
                shared.line.tell(Ask::Failed { number, what });
                return;
            }
        }
        let away = Duration::from_millis(dice.between(AWAY_MS));
        tokio::select! {
            () = tokio::time::sleep(away) => {}
            () = shared.line.ended() => return,
        }
    }
}

/// How a session ended well.
enum End {
    Run,
    Churn,
}

/// What a room has said.
#[derive(Default)]
struct Room {
    me: String,
    /// Participants with cameras, without ourselves.
    cameras: Vec<String>,
    speaker: Option<String>,
    /// Who is on the page now.
    page: Vec<String>,
    /// Where the next page begins.
    first: usize,
}

struct Visit<'a> {
    number: usize,
    link: &'a Link,
    shared: &'a Shared,
    dice: &'a mut Dice,
}

type Socket = WebSocketStream<Box<dyn Stream>>;

impl Visit<'_> {
    async fn session(
        &mut self,
        mut options: SeatOptions,
        stay: Option<Duration>,
    ) -> Result<End, String> {
        let mut room = Room {
            first: self.dice.bits() as usize % 1_000,
            ..Room::default()
        };
        let publishes = options.camera.is_some();
        let join = async {
            let mut socket = self.open().await?;
            let name = format!("load-{}", self.number);
            let join = json!({
                "type": "join", "token": self.link.token, "name": name, "mic": options.microphone, "cam": publishes,
            });
            say(&mut socket, &join).await?;
            let welcome = until(&mut socket, "welcome", &mut room).await?;
            room.me = welcome["self"]["id"].as_str().unwrap_or_default().into();
            let slots = &welcome["slots"];
            let count = |key: &str| slots[key].as_u64().unwrap_or_default() as usize;
            options.slots = (count("audio"), count("video"));
            self.known().insert(room.me.clone(), self.number);
            let offer = self.shared.line.offer(self.number, options).await?;
            say(
                &mut socket,
                &json!({ "type": "offer", "id": 1, "sdp": offer }),
            )
            .await?;
            let answer = until(&mut socket, "answer", &mut room).await?;
            let sdp = answer["sdp"].as_str().unwrap_or_default().to_owned();
            self.shared.line.accept(self.number, sdp).await?;
            Ok::<_, String>(socket)
        };
        let joined = tokio::time::timeout(PATIENCE, join).await;
        let mut socket =
            joined.map_err(|_| format!("not joined within {} s", PATIENCE.as_secs()))??;
        self.stay(&mut socket, &mut room, stay).await
    }

    async fn open(&self) -> Result<Socket, String> {
        let server = self.link.server()?;
        let stream = self.shared.network.connect(&server).await?;
        let path = format!("ws://{}/api/v1/room/{}", authority(&server), self.link.room);
        let mut request = path
            .into_client_request()
            .map_err(|error| error.to_string())?;
        let origin = HeaderValue::from_str(&self.link.origin).map_err(|error| error.to_string())?;
        request.headers_mut().insert("origin", origin);
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .map_err(|error| format!("the room: {error}"))?;
        Ok(socket)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        let known = &self.shared.known;
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sits there: follows the roster, turns pages, until it is time to go.
    async fn stay(
        &mut self,
        socket: &mut Socket,
        room: &mut Room,
        stay: Option<Duration>,
    ) -> Result<End, String> {
        let leave = tokio::time::sleep(stay.unwrap_or(crate::plan::LENGTH_MAX));
        tokio::pin!(leave);
        let every = match self.shared.turn_every {
            Duration::ZERO => crate::plan::LENGTH_MAX,
            every => every,
        };
        // Each at its own time, the first page at once.
        let phase = tokio::time::Instant::now() + every.mul_f64(self.dice.share());
        let mut turn = tokio::time::interval_at(phase, every);
        let end = self.shared.line.clone();
        loop {
            tokio::select! {
                message = socket.next() => {
                    let message = message.ok_or("the server closed the room's socket")?;
                    let message = message.map_err(|error| format!("the room's socket: {error}"))?;
                    if let Message::Text(text) = message {
                        room.hear(&text)?;
                        if room.page.is_empty() {
                            self.turn(socket, room).await?;
                        }
                    }
                }
                _ = turn.tick() => self.turn(socket, room).await?,
                () = &mut leave => {
                    say(socket, &json!({ "type": "leave" })).await?;
                    return Ok(End::Churn);
                }
                () = end.ended() => {
                    say(socket, &json!({ "type": "leave" })).await?;
                    return Ok(End::Run);
                }
            }
        }
    }

    async fn turn(&self, socket: &mut Socket, room: &mut Room) -> Result<(), String> {
        let next = room.next_page(self.shared.tiles);
        if next.is_empty() {
            return Ok(());
        }
        let at = Instant::now();
        say(
            socket,
            &json!({ "type": "view", "large": null, "tiles": next }),
        )
        .await?;
        let publishers = {
            let known = self.known();
            let fresh = next.iter().filter(|tile| !room.page.contains(tile));
            fresh.filter_map(|tile| known.get(tile).copied()).collect()
        };
        self.shared.line.tell(Ask::Expect {
            number: self.number,
            wait: Wait::Page,
            publishers,
            at,
        });
        room.page = next;
        Ok(())
    }
}

impl Room {
    /// Notes what the server says.
    fn hear(&mut self, text: &str) -> Result<(), String> {
        let message: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match message["type"].as_str().unwrap_or_default() {
            "roster" => {
                let participants = message["participants"].as_array().into_iter().flatten();
                self.cameras = participants
                    .filter(|participant| participant["cam"] == true)
                    .filter_map(|participant| Some(participant["id"].as_str()?.to_owned()))
                    .filter(|id| *id != self.me)
                    .collect();
            }
            "speaker" => self.speaker = message["participant"].as_str().map(str::to_owned),
            "removed" => return Err("removed by the host".into()),
            "ended" => return Err("the conference has ended".into()),
            "replaced" => return Err("another page took the link".into()),
            _ => {}
        }
        Ok(())
    }

    /// The next sites with cameras, the speaker left out, who is in the large picture.
    fn next_page(&mut self, tiles: usize) -> Vec<String> {
        let others = self
            .cameras
            .iter()
            .filter(|id| Some(*id) != self.speaker.as_ref());
        let others = others.collect::<Vec<_>>();
        if others.is_empty() {
            return Vec::new();
        }
        let page = (0..tiles.min(others.len()))
            .map(|step| others[(self.first + step) % others.len()].clone())
            .collect();
        self.first = (self.first + tiles) % others.len();
        page
    }
}

async fn say(socket: &mut Socket, message: &Value) -> Result<(), String> {
    socket
        .send(Message::text(message.to_string()))
        .await
        .map_err(|error| format!("the room's socket: {error}"))
}

/// Reads until a message of that type; others are noted.
async fn until(socket: &mut Socket, kind: &str, room: &mut Room) -> Result<Value, String> {
    loop {
        let message = socket
            .next()
            .await
            .ok_or_else(|| format!("the server closed the room's socket before its {kind}"))?
            .map_err(|error| format!("the room's socket: {error}"))?;
        let Message::Text(text) = message else {
            continue;
        };
        let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if value["type"] == kind {
            return Ok(value);
        }
        if value["type"] == "error" {
            return Err(format!("the room refuses: {}", value["code"]));
        }
        room.hear(&text)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_apart_and_never_repeated() {
        let link = Link::parse("https://h.example:8443/p/abc#secret\n", None).unwrap();
        assert_eq!(
            (
                link.origin.as_str(),
                link.room.as_str(),
                link.token.as_str()
            ),
            ("https://h.example:8443", "abc", "secret")
        );
        let link = Link::parse(
            "https://h.example/p/abc#secret",
            Some("http://127.0.0.1:80/"),
        );
        assert_eq!(link.unwrap().origin, "http://127.0.0.1:80");
        for wrong in ["https://h/p/#secret", "https://h/p/abc", "secret#secret"] {
            let said = Link::parse(wrong, None).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn pages_go_round_without_the_speaker() {
        let mut room = Room {
            cameras: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            speaker: Some("b".into()),
            ..Room::default()
        };
        assert_eq!(room.next_page(2), ["a", "c"]);
        assert_eq!(room.next_page(2), ["d", "a"]);
        assert_eq!(room.next_page(9), ["c", "d", "a"]);
        room.cameras.clear();
        assert!(room.next_page(9).is_empty());
    }
}
