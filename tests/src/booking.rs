//! Conferences that are on now.

use std::process::Command;

use serde_json::json;

use crate::client::Client;
use crate::program;

/// Makes that many sites, books a conference of them that has begun, and returns their join links, the chair's first.
///
/// # Panics
/// When the daemon refuses.
#[must_use]
pub fn links(admin: &Client, sites: usize) -> Vec<String> {
    let ids = (0..sites).map(|number| format!("diem-cau-{number}"));
    let ids = ids.collect::<Vec<_>>();
    for (number, id) in ids.iter().enumerate() {
        let site = json!({ "id": id, "name": format!("Điểm cầu {number}"), "kind": "commune" });
        let answer = admin.post("/sites", &site);
        assert!(answer.status < 300, "{}", answer.text());
    }
    let input = json!({
        "title": "Giao ban", "starts_at": moment(-5), "ends_at": moment(120), "chair_site": ids[0], "sites": ids[1..],
    });
    let booked = admin.post("/conferences", &input).json();
    let detail = admin.get(&format!("/conferences/{}", booked["id"]));
    let invitations = detail["invitations"].as_array().into_iter().flatten();
    let links = invitations
        .map(|invitation| {
            let link = invitation["link"].as_str();
            link.expect("a host sees links").to_owned()
        })
        .collect::<Vec<_>>();
    assert_eq!(links.len(), sites, "{detail}");
    links
}

/// So many minutes from now, as the API writes it.
fn moment(minutes: i64) -> String {
    let offset = format!("{minutes:+} minutes");
    let mut date = Command::new("date");
    let outcome = program::run(date.args(["-u", "-d", &offset, "+%Y-%m-%dT%H:%M:00Z"]));
    outcome.out.trim().to_owned()
}
