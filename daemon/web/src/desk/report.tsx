import type { Attendance, ConferenceDetail, Recording } from "../api.ts";
import { useNow } from "../clock.ts";
import { byName, bytes, dateTime, duration, span, when } from "../format.ts";
import { common } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { harmless } from "../i18n/index.ts";
import { reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { may } from "../session.ts";
import { Empty, Failure, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";

/** Who was there, from when to when, and why it ended: what goes into the minutes. */
export function Report({ id }: { id: string }) {
  const now = useNow(60_000);
  const path = `/conferences/${encodeURIComponent(id)}`;
  const conference = useResource<ConferenceDetail>(path, ["conferences"]);
  const attendance = useResource<Attendance[]>(`${path}/attendance`, ["conferences", `board:${id}`]);
  const recordings = useResource<Recording[]>(`/recordings?conference=${encodeURIComponent(id)}`, ["conferences", `board:${id}`]);
  const error = conference.error ?? attendance.error;
  if (!conference.data || !attendance.data) {
    return error ? <Failure error={error} retry={() => { conference.reload(); attendance.reload(); }} /> : <Loading />;
  }
  const rows = [...attendance.data].sort((a, b) => byName(a.site_name, b.site_name) || a.joined_at.localeCompare(b.joined_at));
  const attended = new Set(rows.map((row) => row.site));
  const absent = conference.data.invitations.filter((invitation) => !attended.has(invitation.site)).map((invitation) => harmless(invitation.site_name));
  const invited = new Set(conference.data.invitations.map((invitation) => invitation.site)).size;
  return (
    <>
      <PageHead title={d("report.title")} sub={<><Link href={`/hop/${id}`}><Name>{conference.data.title}</Name></Link> · <span class="num">{span(conference.data.starts_at, conference.data.ends_at)}</span></>}>
        <a class="button primary" href={`/api/v1${path}/attendance.xlsx`} download data-test="xlsx">{d("report.xlsx")}</a>
        <a class="button plain" href={`/api/v1${path}/attendance.csv`} download data-test="csv">{d("report.csv")}</a>
      </PageHead>
      <div class="stack">
        {rows.length === 0
          ? <Panel><Empty title={d("report.none")}>{d("report.none.sub")}</Empty></Panel>
          : (
            <>
              <Panel>
                <p><b data-test="attended">{d("report.summary", { present: attended.size, invited })}</b></p>
                {absent.length > 0 && <p data-test="absent">{d("report.absent", { sites: absent.sort(byName).join(", ") })}</p>}
              </Panel>
              <Panel flush>
                <div class="table-scroll" tabIndex={0} role="region" aria-label={d("report.title")}>
                  <table class="table cards-when-narrow" data-test="attendance">
                    <thead><tr>{(["site", "person", "role", "from", "to", "long", "why"] as const).map((name) => <th key={name} scope="col">{d(`report.${name}`)}</th>)}</tr></thead>
                    <tbody>
                      {rows.map((row, index) => (
                        <tr key={index}>
                          <th scope="row"><Name>{row.site_name}</Name></th>
                          <td data-label={d("report.person")}><Name>{row.participant}</Name></td>
                          <td class="nowrap" data-label={d("report.role")}>{common(`role.${row.role}`)}</td>
                          <td class="num" data-label={d("report.from")}>{when(row.joined_at, now)}</td>
                          <td class="num nowrap" data-label={d("report.to")}>{row.left_at ? when(row.left_at, now) : d("report.still")}</td>
                          <td class="num nowrap" data-label={d("report.long")}>{duration((Date.parse(row.left_at ?? now.toISOString()) - Date.parse(row.joined_at)) / 1000)}</td>
                          <td data-label={d("report.why")}>{row.reason && reasonSentence(row.reason)}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </Panel>
            </>
          )}
        <Panel title={d("recordings")} test="recordings">
          {recordings.error && <Failure error={recordings.error} retry={recordings.reload} />}
          {recordings.data?.length === 0 && <p class="quiet">{d("recordings.none")}</p>}
          <ul class="list">
            {recordings.data?.map((recording) => (
              <li key={recording.id} class="recording-row" data-test="recording-row" data-state={recording.state}>
                <span>
                  <b class="num">{dateTime(recording.started_at)}</b>{" "}
                  <span class={`tag ${recording.state === "failed" ? "degraded" : recording.state === "recording" ? "live" : "ok"}`}>{d(`recording.${recording.state}`)}</span>
                  {recording.reason && <span class="quiet">{" "}{reasonSentence(recording.reason)}.</span>}
                </span>
                <span class="num quiet">{recording.ended_at && duration((Date.parse(recording.ended_at) - Date.parse(recording.started_at)) / 1000)} · {bytes(recording.bytes)}</span>
                {may("host") && recording.bytes > 0 && <a class="button plain" href={`/api/v1/recordings/${recording.id}/file`} download data-test="recording-file">{d("recording.download")}</a>}
              </li>
            ))}
          </ul>
        </Panel>
      </div>
    </>
  );
}
