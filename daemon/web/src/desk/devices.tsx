import { useState } from "preact/hooks";
import { ApiError, type ConferenceDetail, type Pass, type PassMade, api } from "../api.ts";
import { dateTime } from "../format.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { useResource } from "../resource.ts";
import { Button, CopyButton, Failure, Name, Panel, Refusal } from "../ui/basics.tsx";
import { Dialog, ask, say } from "../ui/dialog.tsx";
import { Choice, Field, Select, Text } from "../ui/forms.tsx";

/** Encoders and screens that join by WHIP and WHEP: each has a pass of its own, whose token is shown once. */
export function Devices({ conference }: { conference: ConferenceDetail }) {
  const passes = useResource<Pass[]>(`/conferences/${conference.id}/passes`, [`board:${conference.id}`]);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<PassMade | null>(null);
  const list = passes.data ?? [];
  const revoke = async (pass: Pass) => {
    if (!(await ask(d("devices.revoke.title", { name: pass.name }), d("devices.revoke.text"), d("devices.revoke")))) return;
    try {
      await api.remove(`/conferences/${conference.id}/passes/${pass.id}`);
    } catch (error) {
      say(errorSentence((error as ApiError).code), true);
    }
    passes.reload();
  };
  return (
    <Panel
      test="devices"
      title={<>{d("devices")} <span class="quiet num">({list.length})</span></>}
      aside={<Button test="device-add" onClick={() => setMaking(true)}>{d("devices.add")}</Button>}
    >
      <p class="quiet">{d("devices.text")}</p>
      {!passes.data && passes.error && <Failure error={passes.error} retry={passes.reload} />}
      {passes.data?.length === 0 && <p class="roll-none" data-test="devices-none">{d("devices.none")}</p>}
      {list.length > 0 && (
        <ul class="links devices">
          {list.map((pass) => (
            <li key={pass.id} data-test="device" data-pass={pass.id}>
              <span class="links-site"><b><Name>{pass.name}</Name></b> <span class="tag">{d(`devices.${pass.direction}`)}</span></span>
              <span class="device-line">
                <span>
                  <Name>{pass.site_name}</Name>
                  <span class="quiet">{" · "}{d("devices.until", { time: dateTime(pass.expires_at) })}{" · "}{pass.used_at ? d("devices.used", { time: dateTime(pass.used_at) }) : d("devices.unused")}</span>
                </span>
                <Button kind="danger" test="device-revoke" onClick={() => void revoke(pass)}>{d("devices.revoke")}</Button>
              </span>
            </li>
          ))}
        </ul>
      )}
      {making && (
        <Maker
          conference={conference}
          onClose={() => setMaking(false)}
          onMade={(pass) => {
            setMaking(false);
            setMade(pass);
            passes.reload();
          }}
        />
      )}
      {made && <Once made={made} onClose={() => setMade(null)} />}
    </Panel>
  );
}

function Maker({ conference, onClose, onMade }: { conference: ConferenceDetail; onClose: () => void; onMade: (pass: PassMade) => void }) {
  const sites = conference.invitations.filter((one, index, all) => all.findIndex((other) => other.site === one.site) === index);
  const [site, setSite] = useState(sites[0]?.site ?? "");
  const [direction, setDirection] = useState<Pass["direction"]>("send");
  const [name, setName] = useState("");
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      onMade(await api.post<PassMade>(`/conferences/${conference.id}/passes`, { site, direction, name }));
    } catch (cause) {
      setError(cause as ApiError);
      setBusy(false);
    }
  };
  return (
    <Dialog title={d("devices.add")} onClose={onClose} test="device-dialog">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Choice<Pass["direction"]> value={direction} onChange={setDirection} label={d("devices.direction")} test="device-direction" options={[["send", d("devices.send")], ["receive", d("devices.receive")]]} />
        <p class="quiet">{d(`devices.${direction}.text`)}</p>
        <Field label={d("devices.name")} hint={d("devices.name.hint")}>{(id) => <Text id={id} value={name} onInput={setName} maxLength={80} required test="device-name" focus />}</Field>
        <Field label={d("devices.site")}>{(id) => <Select id={id} value={site} onChange={setSite} test="device-site" options={sites.map((one) => [one.site, one.site_name] as const)} />}</Field>
        <Refusal error={error} />
        <div class="actions">
          <Button onClick={onClose}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="device-make">{d("devices.make")}</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The token cannot be read again: the daemon keeps its hash only. */
function Once({ made, onClose }: { made: PassMade; onClose: () => void }) {
  return (
    <Dialog title={d("devices.made", { name: made.name })} onClose={onClose} wide test="device-made">
      <div class="stack">
        <p class="banner degraded">{d("devices.once")}</p>
        <Secret label={d(made.direction === "send" ? "devices.url.send" : "devices.url.receive")} value={made.url} test="device-url" focus />
        <Secret label={d("devices.token")} value={made.token} test="device-token" />
        <p class="quiet">{d(made.direction === "send" ? "devices.how.send" : "devices.how.receive")}</p>
        <div class="actions"><Button kind="primary" test="device-noted" onClick={onClose}>{d("devices.noted")}</Button></div>
      </div>
    </Dialog>
  );
}

/** `focus`: the first key goes here and not to the button that closes the only view of the token. */
function Secret({ label, value, test, focus }: { label: string; value: string; test: string; focus?: boolean }) {
  return (
    <Field label={label}>
      {(id) => (
        <div class="link-line">
          <input id={id} class="input mono" readOnly autoFocus={focus} value={value} data-test={test} onFocus={(event) => event.currentTarget.select()} />
          <CopyButton text={value} test={`${test}-copy`} />
        </div>
      )}
    </Field>
  );
}
