use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The settings of a section.
pub(super) type Settings = BTreeMap<String, Zeroizing<String>>;

/// The title of a section.
#[derive(Debug, Clone, Copy)]
pub(super) enum Title<'name> {
    /// `[NAME]`, the form of profiles in the file of credentials.
    Plain(&'name str),
    /// `[profile NAME]`, or `[default]`, the form in the file of settings.
    Profile(&'name str),
    /// `[sso-session NAME]`, in the file of settings.
    Session(&'name str),
}

impl Title<'_> {
    fn is(self, title: &str) -> bool {
        let after = |word: &str| {
            let rest = title.strip_prefix(word)?;
            let rest = rest.strip_prefix([' ', '\t'])?;
            Some(rest.trim().trim_matches(['"', '\'']))
        };
        match self {
            Self::Plain(name) => title == name,
            Self::Profile(name) => {
                after("profile") == Some(name) || (name == "default" && title == name)
            }
            Self::Session(name) => after("sso-session") == Some(name),
        }
    }
}

/// Returns the settings of a section. An indented line belongs to the setting before it, as `addressing_style` to `s3
/// =`; such lines are returned under their own names.
pub(super) fn section(text: &str, wanted: Title<'_>) -> Option<Settings> {
    let mut settings = None;
    let mut is_ours = false;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            is_ours = wanted.is(title.trim());
            if is_ours {
                settings.get_or_insert_with(Settings::new);
            }
        } else if is_ours && let Some((key, value)) = line.split_once('=') {
            let value = value.trim();
            // A comment begins with a space, since keys may contain `#`.
            let value = value.split(" #").next().unwrap_or(value).trim_end();
            if !value.is_empty() {
                let key = key.trim().to_ascii_lowercase();
                settings
                    .get_or_insert_with(Settings::new)
                    .insert(key, Zeroizing::new(value.to_owned()));
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_distinguished_by_their_file() {
        let text = "[default]\nregion = a\n[profile dev]\n# comment\nregion=b # why\ns3 =\n  addressing_style = path\n[dev]\nregion = c\n[sso-session dev]\nregion = d\n";
        let region = |title| {
            let settings = section(text, title)?;
            settings.get("region").map(|value| value.to_string())
        };
        for (title, expected) in [
            (Title::Profile("default"), Some("a")),
            (Title::Plain("default"), Some("a")),
            (Title::Profile("dev"), Some("b")),
            (Title::Plain("dev"), Some("c")),
            (Title::Session("dev"), Some("d")),
            (Title::Profile("other"), None),
        ] {
            assert_eq!(region(title).as_deref(), expected, "{title:?}");
        }
        let dev = section(text, Title::Profile("dev")).unwrap();
        assert_eq!(dev["addressing_style"].as_str(), "path");
    }
}
