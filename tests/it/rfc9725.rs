//! What RFC 9725 asks of an endpoint and of a session, a row each, over HTTP of a real daemon.

use nhipcau_tests::client::{Answer, Client};
use nhipcau_tests::daemon::Setup;
use ureq::http::Method;

use crate::whip::Meeting;

/// As an encoder offers. Nobody stands behind its candidates: what is looked at is what HTTP says.
pub(crate) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:enco\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=msid:- a\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=msid:- v\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n";
/// A further m-line with pictures.
const SECOND: &str = "m=video 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\n";
const TRICKLE: &str = "a=ice-ufrag:enco\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=candidate:2 1 quic 1 no-such-host.invalid 9 typ host\r\na=end-of-candidates\r\n";
pub(crate) const RESTART: &str = "a=ice-ufrag:anew\r\na=ice-pwd:1123456789012345678901\r\n";

const SDP: (&str, &str) = ("content-type", "application/sdp");
const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

/// One requirement: what is sent, and what must be said.
struct Row<'a> {
    section: &'a str,
    method: Method,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
    status: u16,
    code: &'a str,
    /// Parts of lines of the head; an empty one: there is no such line.
    says: &'a [(&'a str, &'a str)],
}

impl Row<'_> {
    fn holds(&self, client: &Client, token: Option<&str>) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = self.headers.to_vec();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let answer = client.raw(self.method.clone(), self.path, &headers, self.body);
        let of = format!("{}: {} {}", self.section, self.method, self.path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (self.status, self.code),
            "{of}: {}",
            answer.text()
        );
        for (name, part) in self.says {
            let said = answer.says(name);
            assert!(
                if part.is_empty() {
                    said.is_empty()
                } else {
                    said.contains(part)
                },
                "{of}: {name}: {said}"
            );
        }
        if let Some(token) = token {
            assert!(!answer.text().contains(token), "{of} repeats the token");
        }
        answer
    }
}

fn row<'a>(
    section: &'a str,
    method: Method,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
    (status, code): (u16, &'a str),
    says: &'a [(&'a str, &'a str)],
) -> Row<'a> {
    Row {
        section,
        method,
        path,
        headers,
        body,
        status,
        code,
        says,
    }
}

fn meeting() -> Meeting {
    Meeting::of(Setup {
        public_url: Some("https://hop.quangnam.example".to_owned()),
        ..Setup::default()
    })
}

/// A pass' token and the path of its endpoint.
fn pass(meeting: &Meeting, direction: &str) -> (String, String) {
    let pass = meeting.pass("son-my", direction, "Máy quay");
    let word = |key: &str| pass[key].as_str().expect("a pass has it").to_owned();
    let path = word("url").replace("https://hop.quangnam.example", "");
    (word("token"), path)
}

#[test]
fn an_endpoint_says_what_rfc_9725_asks_for() {
    let meeting = meeting();
    let client = meeting.daemon.client();
    let (token, whip) = pass(&meeting, "send");
    let (player, whep) = pass(&meeting, "receive");
    let (token, player) = (token.as_str(), player.as_str());
    let any = ("access-control-allow-origin", "*");

    let preflight = [
        ("origin", "https://studio.example"),
        ("access-control-request-method", "POST"),
    ];
    let allowed = [
        any,
        ("accept-post", "application/sdp"),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "Authorization"),
        ("access-control-allow-credentials", ""),
        ("link", ""),
    ];
    for path in [&whip, &whep] {
        row(
            "4.2, OPTIONS for CORS without a token",
            Method::OPTIONS,
            path,
            &preflight,
            "",
            (200, ""),
            &allowed,
        )
        .holds(&client, None);
        for method in [
            Method::GET,
            Method::HEAD,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let code = if method == Method::HEAD {
                ""
            } else {
                "bad_request"
            };
            row(
                "4.2, reserved methods of an endpoint",
                method,
                path,
                &[],
                "",
                (405, code),
                &[("allow", "POST")],
            )
            .holds(&client, Some(token));
        }
        row(
            "4.7, no token",
            Method::POST,
            path,
            &[SDP],
            OFFER,
            (401, "wrong_token"),
            &[any, ("www-authenticate", "Bearer")],
        )
        .holds(&client, None);
        let invalid = [any, ("www-authenticate", "error=\"invalid_token\"")];
        row(
            "4.7, a token of nobody's",
            Method::POST,
            path,
            &[SDP],
            OFFER,
            (401, "wrong_token"),
            &invalid,
        )
        .holds(&client, Some("not-a-token"));
    }
    row(
        "4.7, a token of the other direction",
        Method::POST,
        &whep,
        &[SDP],
        OFFER,
        (403, "wrong_direction"),
        &[("www-authenticate", "insufficient_scope")],
    )
    .holds(&client, Some(token));

    let refused = |section: &str, headers: &[(&str, &str)], body: &str, outcome: (u16, &str)| {
        row(section, Method::POST, &whip, headers, body, outcome, &[any])
            .holds(&client, Some(token));
    };
    refused(
        "4.2, another type",
        &[("content-type", "application/json")],
        "{}",
        (415, "unsupported_media_type"),
    );
    refused("4.2, no type", &[], OFFER, (415, "unsupported_media_type"));
    refused("4.2, no SDP", &[SDP], "hello", (400, "bad_sdp"));
    refused(
        "4.2, without ICE",
        &[SDP],
        &OFFER.replace("a=ice-ufrag", "a=x"),
        (400, "bad_sdp"),
    );
    refused(
        "4.2, too long",
        &[SDP],
        &"a".repeat(256 * 1024 + 1),
        (413, "too_large"),
    );
    // Both ask for a refusal of the whole offer. Drafts up to 14 named 406; from 15 on (after the HTTP directorate's review) it is any 4xx
    // that fits. 422 says that the content cannot be processed (RFC 9110 section 15.5.21); 406 is about `Accept`, and WHEP gives it the
    // meaning of a counter-offer.
    refused(
        "4.4.2, two tracks of a kind",
        &[SDP],
        &format!("{OFFER}{SECOND}"),
        (422, "nothing_usable"),
    );
    refused(
        "4.4.3, an m-line that cannot be taken",
        &[SDP],
        &OFFER.replace("VP8", "H265"),
        (422, "nothing_usable"),
    );
    refused(
        "4.2, an offer that sends nothing",
        &[SDP],
        &OFFER.replace("sendonly", "recvonly"),
        (422, "nothing_usable"),
    );
    refused(
        "4.4.4, a client that waits for the handshake",
        &[SDP],
        &OFFER.replace("actpass", "passive"),
        (400, "bad_sdp"),
    );

    let link = "rel=\"ice-server\"; username=\"";
    let created = [
        any,
        ("content-type", "application/sdp"),
        ("location", whip.as_str()),
        ("etag", "\"1\""),
        ("accept-patch", "application/trickle-ice-sdpfrag"),
        ("link", "<turns:hop.quangnam.example:443?transport=tcp>"),
        ("link", link),
        ("link", "credential-type=\"password\""),
        ("access-control-expose-headers", "Location, ETag, Link"),
    ];
    let mut sessions = Vec::new();
    let active = OFFER.replace("actpass", "active");
    let both = OFFER.replace("sendonly", "sendrecv");
    let charset = [("content-type", "Application/SDP; charset=utf-8")];
    for (section, headers, offer) in [
        ("4.2, 201", &[SDP], OFFER),
        (
            "4.4.4, a client that begins the handshake",
            &[SDP],
            active.as_str(),
        ),
        ("4.2, sendrecv", &charset, both.as_str()),
    ] {
        let answer = row(
            section,
            Method::POST,
            &whip,
            headers,
            offer,
            (201, ""),
            &created,
        )
        .holds(&client, Some(token));
        let sdp = answer.text();
        for line in [
            "a=ice-lite",
            "a=setup:passive",
            "a=recvonly",
            "a=rtcp-mux-only",
            "a=candidate:",
            "a=group:BUNDLE 0 1",
        ] {
            assert!(sdp.contains(line), "{section}: no {line} in {sdp}");
        }
        let location = answer.says("location").to_owned();
        let name = location.rsplit('/').next().expect("a last part");
        assert!(name.len() >= 22, "section 5: {name} can be guessed");
        assert!(!sessions.contains(&location));
        sessions.push(location);
    }
    let played = OFFER.replace("sendonly", "recvonly");
    let answer = row(
        "WHEP, 201",
        Method::POST,
        &whep,
        &[SDP],
        &played,
        (201, ""),
        &[("location", whep.as_str()), ("etag", "\"1\"")],
    )
    .holds(&client, Some(player));
    assert!(answer.text().contains("a=sendonly"));
    row(
        "WHEP, DELETE",
        Method::DELETE,
        answer.says("location"),
        &[],
        "",
        (200, ""),
        &[any],
    )
    .holds(&client, Some(player));
}

#[test]
fn a_session_says_what_rfc_9725_asks_for() {
    let meeting = meeting();
    let client = meeting.daemon.client();
    let (token, whip) = pass(&meeting, "send");
    let (other, _) = pass(&meeting, "send");
    let post = || {
        let answer = row(
            "4.2, 201",
            Method::POST,
            &whip,
            &[SDP],
            OFFER,
            (201, ""),
            &[],
        )
        .holds(&client, Some(&token));
        answer.says("location").to_owned()
    };
    let former = post();
    let session = post();
    let tag = |tag| [FRAGMENT, ("if-match", tag)];
    row(
        "4.2, a session that was replaced",
        Method::PATCH,
        &former,
        &tag("\"1\""),
        TRICKLE,
        (404, "not_found"),
        &[],
    )
    .holds(&client, Some(&token));

    row(
        "4.2, OPTIONS for CORS",
        Method::OPTIONS,
        &session,
        &[],
        "",
        (200, ""),
        &[
            ("access-control-allow-methods", "PATCH"),
            ("accept-post", "application/sdp"),
        ],
    )
    .holds(&client, None);
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
        let code = if method == Method::HEAD {
            ""
        } else {
            "bad_request"
        };
        row(
            "4.2, reserved methods of a session",
            method,
            &session,
            &[],
            "",
            (405, code),
            &[("allow", "PATCH")],
        )
        .holds(&client, Some(&token));
    }
    for method in [Method::PATCH, Method::DELETE] {
        for (token, outcome) in [
            (None, (401, "wrong_token")),
            (Some("not-a-token"), (401, "wrong_token")),
            (Some(other.as_str()), (404, "not_found")),
        ] {
            let body = if method == Method::PATCH { TRICKLE } else { "" };
            row(
                "4.7, whose session it is not",
                method.clone(),
                &session,
                &tag("\"1\""),
                body,
                outcome,
                &[],
            )
            .holds(&client, token);
        }
    }

    let patch = |section: &str,
                 headers: &[(&str, &str)],
                 body: &str,
                 outcome: (u16, &str),
                 says: &[(&str, &str)]| {
        row(
            section,
            Method::PATCH,
            &session,
            headers,
            body,
            outcome,
            says,
        )
        .holds(&client, Some(&token))
    };
    patch(
        "4.3.1, another type",
        &[SDP, ("if-match", "\"1\"")],
        TRICKLE,
        (415, "unsupported_media_type"),
        &[],
    );
    patch(
        "4.3.2, no If-Match",
        &[FRAGMENT],
        TRICKLE,
        (428, "precondition_required"),
        &[],
    );
    for (section, body) in [
        ("4.3.1, no lines of SDP", "hello"),
        ("4.3.1, half a line", "a=mid:0\r\na\r\n"),
        ("4.3.1, nothing", ""),
    ] {
        patch(section, &tag("\"1\""), body, (400, "bad_sdp"), &[]);
    }
    for (section, tags) in [
        ("4.3.2, another ICE session", "\"2\""),
        ("RFC 9110 13.1.1, a weak tag", "W/\"1\""),
        ("4.3.2, no tag", "1"),
    ] {
        patch(
            section,
            &tag(tags),
            TRICKLE,
            (412, "precondition_failed"),
            &[],
        );
    }
    for tags in ["\"1\"", "\"9\", \"1\""] {
        let answer = patch(
            "4.3.2, candidates of any transport",
            &tag(tags),
            TRICKLE,
            (204, ""),
            &[("etag", "")],
        );
        assert!(answer.body.is_empty());
    }
    for half in [
        "a=ice-ufrag:anew\r\n",
        "a=ice-pwd:1123456789012345678901\r\n",
        "a=ice-ufrag:two words\r\na=ice-pwd:1\r\n",
    ] {
        patch(
            "4.3.3, a restart without both",
            &tag("*"),
            half,
            (400, "bad_request"),
            &[],
        );
    }
    patch(
        "4.3.3, a refused restart leaves the ICE session",
        &tag("\"1\""),
        TRICKLE,
        (204, ""),
        &[],
    );
    let restarted = [
        ("content-type", "application/trickle-ice-sdpfrag"),
        ("etag", "\"2\""),
    ];
    let answer = patch(
        "4.3.3, a restart",
        &tag("*"),
        RESTART,
        (200, ""),
        &restarted,
    )
    .text();
    for line in ["a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] {
        assert!(answer.contains(line), "no {line} in {answer}");
    }
    patch(
        "4.3.3, the former ICE session",
        &tag("\"1\""),
        TRICKLE,
        (412, "precondition_failed"),
        &[],
    );
    patch("4.3.3, the new one", &tag("\"2\""), TRICKLE, (204, ""), &[]);

    row(
        "4.3.1, DELETE heeds no tag",
        Method::DELETE,
        &session,
        &[("if-match", "\"9\"")],
        "",
        (200, ""),
        &[("access-control-allow-origin", "*")],
    )
    .holds(&client, Some(&token));
    row(
        "4.2, after its end",
        Method::DELETE,
        &session,
        &[],
        "",
        (404, "not_found"),
        &[],
    )
    .holds(&client, Some(&token));
    row(
        "4.2, after its end",
        Method::PATCH,
        &session,
        &tag("\"2\""),
        TRICKLE,
        (404, "not_found"),
        &[],
    )
    .holds(&client, Some(&token));

    // Section 5: floods of requests with a right token.
    let bearer = format!("Bearer {other}");
    let flood = || client.raw(Method::DELETE, &session, &[("authorization", &bearer)], "");
    let refused = (0..2_000)
        .map(|_| flood())
        .find(|answer| answer.status != 404);
    let refused = refused.expect("a limit");
    assert_eq!(
        (
            refused.status,
            refused.code().as_str(),
            refused.says("retry-after")
        ),
        (429, "too_fast", "10")
    );
}
