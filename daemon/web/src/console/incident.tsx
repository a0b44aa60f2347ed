import { useState } from "preact/hooks";
import { type ApiError, type Incident, api } from "../api.ts";
import { useNow } from "../clock.ts";
import { duration, when } from "../format.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { u } from "../i18n/upkeep.ts";
import { harmless } from "../i18n/index.ts";
import { reasonClause, reasonSentence } from "../i18n/reasons.ts";
import { Link } from "../router.tsx";
import { may } from "../session.ts";
import { Button, HealthMark, Name, Refusal } from "../ui/basics.tsx";
import { Dialog, say } from "../ui/dialog.tsx";
import { MaintenanceMark } from "./maintenance_mark.tsx";
import { Field, Text } from "../ui/forms.tsx";

/** Most site names in one sentence; the rest is a number. */
const SITES_NAMED_MAX = 6;

/** Cause first, then since when, whom it affects and what is held back behind it. */
export function IncidentCard({ incident, changed }: { incident: Incident; changed: () => void }) {
  const now = useNow();
  const [asking, ask] = useState(false);
  const opened = new Date(incident.opened_at);
  const lasted = ((incident.closed_at ? Date.parse(incident.closed_at) : now.getTime()) - opened.getTime()) / 1000;
  return (
    <article class={`incident ${incident.closed_at ? "closed" : incident.health}`} data-test="incident">
      <div class="incident-head">
        <HealthMark health={incident.health} />
        <span class="quiet num">
          {incident.closed_at
            ? t("incident.closed", { time: when(incident.closed_at, now), duration: duration(lasted) })
            : `${t("incident.since", { time: when(opened, now) })} · ${t("incident.for", { duration: duration(lasted) })}`}
        </span>
      </div>
      <h3 class="incident-cause">
        <Cause incident={incident} />
      </h3>
      {incident.maintenance !== undefined && <p><MaintenanceMark window={incident.maintenance} /> <span class="quiet">{u("held")}</span></p>}
      {incident.sites.length > 0 && <p>{affected(incident.sites)}</p>}
      {incident.behind.length > 0 && (
        <details class="behind">
          <summary>{t("incident.behind", { n: incident.behind.length })}</summary>
          <ul>
            {incident.behind.map((one) => (
              <li key={one.device}>
                <Link href={`/thiet-bi/${encodeURIComponent(one.device)}`}><Name>{one.name}</Name></Link>{" "}
                <span class="quiet num">{t("incident.since", { time: when(one.since, now) })}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <div class="incident-foot">
        {incident.run_ids.map((id) => <Link key={id} href={`/kich-ban/${id}`} class="small">{t("incident.run", { id: String(id) })}</Link>)}
        {incident.acknowledged_by
          ? <span class="quiet">{t("incident.acknowledged", { name: incident.acknowledged_by })}{incident.acknowledged_at ? ` ${u("acknowledged.at", { time: when(incident.acknowledged_at, now) })}` : ""}{incident.note ? <>{": "}<Name>{incident.note}</Name></> : null}{!incident.closed_at && may("operate") && <>{" "}<Button kind="quiet" test="unacknowledge" onClick={() => void undo(incident, changed)}>{u("acknowledged.undo")}</Button></>}</span>
          : !incident.closed_at && may("operate") && <Button test="acknowledge" onClick={() => ask(true)}>{t("incident.acknowledge")}</Button>}
      </div>
      {asking && <Acknowledge incident={incident} close={() => ask(false)} done={changed} />}
    </article>
  );
}

async function undo(incident: Incident, changed: () => void): Promise<void> {
  try {
    await api.remove(`/incidents/${incident.id}/acknowledge`);
    changed();
  } catch (refusal) {
    say(errorSentence((refusal as ApiError).code), true);
  }
}

/** The cause; the device stands in front unless the sentence names it. */
function Cause({ incident }: { incident: Incident }) {
  const { device, device_name: name, reason } = incident;
  if (device === undefined) return <>{reasonSentence(reason)}</>;
  const href = `/thiet-bi/${encodeURIComponent(device)}${incident.interface ? `?cong=${encodeURIComponent(incident.interface)}` : ""}`;
  if (name === undefined || reason.args.device === name) return <Link href={href}>{reasonSentence(reason)}</Link>;
  return <><Link href={href}><Name>{name}</Name></Link>: {reasonClause(reason)}</>;
}

function affected(sites: string[]): string {
  const named = sites.slice(0, SITES_NAMED_MAX).map(harmless).join(", ");
  const rest = sites.length - SITES_NAMED_MAX;
  return t("incident.affects", { sites: rest > 0 ? `${named} ${t("incident.affects.more", { n: rest })}` : named });
}

function Acknowledge({ incident, close, done }: { incident: Incident; close: () => void; done: () => void }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const send = async () => {
    setBusy(true);
    try {
      await api.post<Incident>(`/incidents/${incident.id}/acknowledge`, { note: note.trim() });
      close();
      done();
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("incident.acknowledge.title")} onClose={close}>
      <form onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <p>{reasonSentence(incident.reason)}</p>
        <Field label={t("incident.acknowledge.note")}>{(id) => <Text id={id} value={note} onInput={setNote} maxLength={500} test="acknowledge-note" focus />}</Field>
        <Refusal error={error} />
        <div class="actions">
          <Button onClick={close}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="acknowledge-send">{t("incident.acknowledge")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
