import { useCell } from "../cell.ts";
import { chooseLanguage, language, type Language } from "../i18n/index.ts";
import { common } from "../i18n/common.ts";
import { THEMES, chooseTheme, theme } from "../theme.ts";
import { Select } from "./forms.tsx";

/** Language and appearance, remembered by this browser. */
export function Switches() {
  const spoken = useCell(language);
  const shown = useCell(theme);
  return (
    <div class="switches">
      <Select<Language>
        value={spoken}
        label={common("language")}
        test="language"
        onChange={chooseLanguage}
        options={[["vi", "Tiếng Việt"], ["en", "English"]]}
      />
      <Select value={shown} label={common("theme")} test="theme" onChange={chooseTheme} options={THEMES.map((name) => [name, common(`theme.${name}`)] as const)} />
    </div>
  );
}
