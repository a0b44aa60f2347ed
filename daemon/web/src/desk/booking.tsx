import { useEffect, useState } from "preact/hooks";
import { ApiError, type Conference, type ConferenceDetail, type Conflict, type Site, api } from "../api.ts";
import { byName, date, dateTime, span } from "../format.ts";
import { common } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { harmless } from "../i18n/index.ts";
import { useResource } from "../resource.ts";
import { Link, go } from "../router.tsx";
import { Button, Failure, HealthMark, Loading, Name, PageHead, Panel, Reasons, Refusal } from "../ui/basics.tsx";
import { Check, Field, Select } from "../ui/forms.tsx";
import { type Draft, draftOf, emptyDraft, faultOfWhat, inputOf } from "./draft.ts";
import { Links } from "./links.tsx";
import { SitePicker } from "./site_picker.tsx";
import { What } from "./what.tsx";

const STEPS = ["what", "who", "check", "links"] as const;
type Step = (typeof STEPS)[number];

/** Booking, or with `id` the change of a booking. */
export function Booking({ id }: { id?: string }) {
  const existing = useResource<ConferenceDetail>(id === undefined ? null : `/conferences/${encodeURIComponent(id)}`);
  const sites = useResource<Site[]>("/sites", ["sites"]);
  const error = sites.error ?? existing.error;
  if (!sites.data || (id !== undefined && !existing.data)) {
    return error ? <Failure error={error} retry={() => { sites.reload(); existing.reload(); }} /> : <Loading />;
  }
  return <Form key={id} sites={sites.data} existing={existing.data} />;
}

function Form({ sites, existing }: { sites: Site[]; existing: ConferenceDetail | undefined }) {
  const [draft, setDraft] = useState<Draft>(() => (existing ? draftOf(existing) : emptyDraft(new Date())));
  const [step, setStep] = useState<Step>("what");
  const [tried, setTried] = useState(false);
  const [booked, setBooked] = useState<ConferenceDetail>();
  const put = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const chosen = [...draft.sites].filter((site) => site !== draft.chair).length;
  const valid = step === "what" ? faultOfWhat(draft) === null : draft.chair !== "" && chosen > 0;
  const forward = () => {
    setTried(!valid);
    if (valid) setStep(step === "what" ? "who" : "check");
  };
  const back = () => {
    setTried(false);
    setStep(step === "check" ? "who" : "what");
  };
  return (
    <>
      <PageHead title={d(existing ? "edit.title" : "book")} sub={d("step.of", { n: STEPS.indexOf(step) + 1 })} />
      <ol class="steps">
        {STEPS.map((name, index) => (
          <li key={name} class={name === step ? "now" : index < STEPS.indexOf(step) ? "past" : ""} aria-current={name === step ? "step" : undefined}>
            <span class="num">{index + 1}</span>{d(`step.${name}`)}
          </li>
        ))}
      </ol>
      {step === "links" && booked
        ? <Done conference={booked} edited={existing !== undefined} />
        : (
          <form class="booking" onSubmit={(event) => { event.preventDefault(); if (step !== "check") forward(); }}>
            {step === "what" && <Panel><What draft={draft} put={put} tried={tried} /></Panel>}
            {step === "who" && <Who draft={draft} put={put} sites={sites} tried={tried} />}
            {step === "check"
              ? <CheckAndSend draft={draft} sites={sites} existing={existing} back={back} done={(conference) => { setBooked(conference); setStep("links"); }} />
              : (
                <div class="actions">
                  {step === "what"
                    ? <Button test="cancel" onClick={() => go(existing ? `/hop/${existing.id}` : "/hop")}>{common("cancel")}</Button>
                    : <Button test="back" onClick={back}>{common("back")}</Button>}
                  <Button type="submit" kind="primary" test="forward">{common("next")}</Button>
                </div>
              )}
          </form>
        )}
    </>
  );
}

function Who({ draft, put, sites, tried }: { draft: Draft; put: (change: Partial<Draft>) => void; sites: Site[]; tried: boolean }) {
  const byNames = [...sites].sort((a, b) => byName(a.name, b.name));
  const none = [...draft.sites].every((site) => site === draft.chair);
  return (
    <>
      <Panel>
        <Field label={d("who.chair")} bad={tried && draft.chair === "" ? d("who.chair.missing") : undefined}>
          {(id) => (
            <Select
              id={id}
              value={draft.chair}
              onChange={(chair) => put({ chair })}
              test="chair"
              options={[["", d("who.chair.choose")] as const, ...byNames.map((site) => [site.id, harmless(site.name)] as const)]}
            />
          )}
        </Field>
      </Panel>
      <Panel title={d("who.invite")}>
        {tried && none && <p class="refusal" role="alert">{d("who.missing")}</p>}
        <SitePicker sites={sites} chair={draft.chair} chosen={draft.sites} choose={(chosen) => put({ sites: chosen })} />
      </Panel>
    </>
  );
}

interface CheckProps {
  draft: Draft;
  sites: Site[];
  existing: ConferenceDetail | undefined;
  back: () => void;
  done: (conference: ConferenceDetail) => void;
}

function CheckAndSend({ draft, sites, existing, back, done }: CheckProps) {
  const [conflicts, setConflicts] = useState<Conflict[]>();
  const [accepted, accept] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const input = inputOf(draft, accepted);
  const names = new Map(sites.map((site) => [site.id, site.name]));
  const invited = [draft.chair, ...input.sites];
  const ill = sites.filter((site) => invited.includes(site.id) && site.health !== "ok");

  const others = (found: Conflict[]) => found.filter((conflict) => conflict.conference !== existing?.id);
  useEffect(() => {
    api.post<Conflict[]>("/conferences/conflicts", inputOf(draft, false)).then(
      (found) => setConflicts(others(found)),
      (refusal: ApiError) => setError(refusal),
    );
  }, []);

  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const saved = existing
        ? await api.patch<Conference>(`/conferences/${existing.id}`, { ...input, recurrence: input.recurrence ?? null })
        : await api.post<Conference>("/conferences", input);
      done(await api.get<ConferenceDetail>(`/conferences/${saved.id}`));
    } catch (cause) {
      const refusal = cause as ApiError;
      const found = (refusal.body as { conflicts?: Conflict[] } | undefined)?.conflicts;
      if (refusal.code === "conflict" && Array.isArray(found)) setConflicts(others(found));
      setError(refusal);
      setBusy(false);
    }
  };

  const clash = conflicts !== undefined && conflicts.length > 0;
  return (
    <>
      <Panel title={d("check.title")}>
        <dl class="facts">
          <dt>{d("check.what")}</dt><dd><b><Name>{input.title}</Name></b></dd>
          <dt>{d("check.when")}</dt><dd class="num">{span(input.starts_at, input.ends_at)}</dd>
          {input.recurrence && <><dt>{d("check.repeat")}</dt><dd>{input.recurrence.count === undefined ? d("check.repeat.until", { every: d(`what.repeat.${input.recurrence.every}`), day: date(input.recurrence.until!) }) : d("check.repeat.line", { every: d(`what.repeat.${input.recurrence.every}`), count: input.recurrence.count })}</dd></>}
          <dt>{d("who.chair")}</dt><dd><Name>{names.get(draft.chair) ?? draft.chair}</Name></dd>
          <dt>{d("check.who")}</dt><dd>{input.sites.map((site) => harmless(names.get(site) ?? site)).sort(byName).join(", ")}</dd>
        </dl>
      </Panel>
      <Panel>
        {conflicts === undefined && !error && <p class="quiet" role="status">{d("check.checking")}</p>}
        {conflicts !== undefined && !clash && <p class="health-ok" data-test="no-conflict">✓ {d("check.free")}</p>}
        {clash && (
          <div class="conflicts" data-test="conflicts">
            <h2 class="health-degraded">▲ {d("check.busy", { n: conflicts.length })}</h2>
            <ul>
              {conflicts.map((conflict) => (
                <li key={`${conflict.conference} ${conflict.starts_at}`}>
                  <b><Name>{conflict.title}</Name></b> <span class="num">{span(conflict.starts_at, conflict.ends_at)}</span>
                  {conflict.sites.length > 0 && <p class="quiet">{d("check.busy.sites", { sites: conflict.sites.map((site) => harmless(names.get(site) ?? site)).join(", ") })}</p>}
                </li>
              ))}
            </ul>
            <Check checked={accepted} onChange={accept} test="accept-conflicts">{d("check.accept")}</Check>
          </div>
        )}
        <h2 class="ill-title">{ill.length > 0 ? d("check.ill") : d("check.ill.none")}</h2>
        <ul class="ill">{ill.map((site) => <li key={site.id}><HealthMark health={site.health} /> <b><Name>{site.name}</Name></b> <Reasons reasons={site.reasons} /></li>)}</ul>
      </Panel>
      <Refusal error={error} />
      <div class="actions">
        <Button test="back" onClick={back}>{common("back")}</Button>
        <Button kind="primary" test="book-now" busy={busy} disabled={clash && !accepted} onClick={() => void send()}>{d(existing ? "check.save" : "check.do")}</Button>
      </div>
    </>
  );
}

function Done({ conference, edited }: { conference: ConferenceDetail; edited: boolean }) {
  return (
    <>
      {!edited && <p class="banner ok" role="status" data-test="booked"><b>{d("done.title")}</b>: <Name>{conference.title}</Name>, {dateTime(conference.starts_at)}. {d("done.text")}</p>}
      <Links conference={conference} />
      <div class="actions">
        <Link href={`/hop/${conference.id}`} class="button primary" test="to-conference">{d("live.back")}</Link>
      </div>
    </>
  );
}
