import { useState } from "preact/hooks";
import { type ApiError, type Maintenance as Window, api } from "../api.ts";
import { useNow } from "../clock.ts";
import { dateTime, dayName, fieldDate, span, time, when } from "../format.ts";
import { errorSentence } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { u } from "../i18n/upkeep.ts";
import { useResource } from "../resource.ts";
import { may } from "../session.ts";
import { Button, Empty, Failure, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { ask, say } from "../ui/dialog.tsx";
import { MaintenanceForm } from "./maintenance_form.tsx";

/** Scopes named in one line; the rest is a number. */
const SCOPES_NAMED_MAX = 6;
const DAYS_AHEAD = 14;

function Scopes({ window }: { window: Window }) {
  const named = window.scopes.slice(0, SCOPES_NAMED_MAX);
  const rest = window.scopes.length - named.length;
  return (
    <p class="work-scopes">
      {named.map((scope) => (
        <span key={`${scope.kind} ${scope.id}`} class="tag"><Name>{scope.kind === "kind" ? t(`kind.${scope.id}` as "kind.ups") : scope.name}</Name></span>
      ))}
      {rest > 0 && <span class="quiet">{u("maintenance.scopes.more", { n: rest })}</span>}
    </p>
  );
}

function Card({ window, changed }: { window: Window; changed: () => void }) {
  const next = window.occurrences[0];
  const end = async (all: boolean) => {
    if (!(await ask(u("maintenance.end.title"), u("maintenance.end.text", { title: window.title, n: window.scopes.length }), u(window.state === "now" ? "maintenance.end" : "maintenance.cancel")))) return;
    try {
      await api.post<Window>(`/maintenance/${window.id}/end`, { all });
      changed();
    } catch (refusal) {
      say(errorSentence((refusal as ApiError).code), true);
    }
  };
  return (
    <article class={`work ${window.state}`} id={String(window.id)} data-test="maintenance">
      <div class="work-head">
        <span class={`work-state ${window.state}`}>{u(`maintenance.${window.state}`)}</span>
        <span class="num">{next ? span(next.starts_at, next.ends_at) : span(window.starts_at, window.ends_at)}</span>
        {window.recurrence && <span class="quiet">{u(`maintenance.repeat.${window.recurrence.every}`)}</span>}
      </div>
      <h3><Name>{window.title}</Name></h3>
      {window.note !== "" && <p><Name>{window.note}</Name></p>}
      <Scopes window={window} />
      <div class="work-foot">
        <span class="quiet">
          {u("maintenance.by", { name: window.created_by })}, {dateTime(window.created_at)}
          {window.ended_at && window.ended_by ? ` · ${u("maintenance.ended", { name: window.ended_by, time: when(window.ended_at) })}` : ""}
        </span>
        {may("operate") && window.state !== "over" && (
          <span class="actions">
            {window.recurrence && window.state === "now" && <Button test="maintenance-end-once" onClick={() => void end(false)}>{u("maintenance.end.once")}</Button>}
            <Button test="maintenance-end" onClick={() => void end(true)}>{u(window.recurrence ? "maintenance.end.all" : window.state === "now" ? "maintenance.end" : "maintenance.cancel")}</Button>
          </span>
        )}
      </div>
    </article>
  );
}

/** What is worked on when: the days of the next two weeks that have something. */
function Days({ windows }: { windows: Window[] }) {
  const now = useNow();
  const last = now.getTime() + DAYS_AHEAD * 86_400_000;
  const entries = windows
    .flatMap((window) => window.occurrences.map((occurrence) => ({ window, ...occurrence, begins: Math.max(Date.parse(occurrence.starts_at), now.getTime()) })))
    .filter((entry) => entry.begins < last)
    .sort((a, b) => a.begins - b.begins);
  const days = new Map<string, typeof entries>();
  for (const entry of entries) {
    const day = fieldDate(new Date(entry.begins));
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return (
    <Panel title={u("maintenance.days")} test="maintenance-days">
      {days.size === 0 ? <p class="quiet">{u("maintenance.days.none")}</p> : (
        <ol class="work-days">
          {[...days].map(([day, list]) => (
            <li key={day}>
              <b>{dayName(new Date(list[0]!.begins))}</b>
              <ul>
                {list.map((entry) => (
                  <li key={`${entry.window.id} ${entry.starts_at}`}><span class="num">{time(entry.starts_at)} – {time(entry.ends_at)}</span> <Name>{entry.window.title}</Name></li>
                ))}
              </ul>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

export function Maintenance() {
  const windows = useResource<Window[]>("/maintenance", ["maintenance"]);
  const [adding, add] = useState(false);
  const all = windows.data;
  const count = (state: Window["state"]) => all?.filter((window) => window.state === state).length ?? 0;
  const form = adding && <MaintenanceForm close={() => add(false)} done={windows.reload} />;
  return (
    <>
      <PageHead title={u("maintenance")} sub={all && all.length > 0 && u("maintenance.sub", { now: count("now"), planned: count("planned") })}>
        {may("operate") && <Button kind="primary" test="maintenance-new" onClick={() => add(true)}>{u("maintenance.new")}</Button>}
      </PageHead>
      {!all
        ? windows.error ? <Failure error={windows.error} retry={windows.reload} /> : <Loading rows={4} />
        : all.length === 0
          ? <Panel><Empty title={u("maintenance.none")}>{u("maintenance.none.sub")}</Empty></Panel>
          : (
            <div class="work-columns">
              <div class="stack">{all.map((window) => <Card key={window.id} window={window} changed={windows.reload} />)}</div>
              <Days windows={all} />
            </div>
          )}
      {form}
    </>
  );
}
