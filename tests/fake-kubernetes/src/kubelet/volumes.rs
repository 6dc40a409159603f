use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::environment::field_of;
use super::expansion::Mounts;
use super::pod::Pod;
use crate::json::{flag, list, number, text};
use crate::kind::{CONFIG_MAPS, Kind, SECRETS};
use crate::store::Key;

impl Pod {
    /// Makes the volumes. An error is what the event `FailedMount` says.
    pub(super) fn make_volumes(&self, pod: &Value) -> Result<(), String> {
        for volume in list(pod, "/spec/volumes") {
            let name = text(volume, "/name");
            let place = self.volume(name);
            let failed =
                |error: String| format!("MountVolume.SetUp failed for volume \"{name}\" : {error}");
            fs::create_dir_all(&place).map_err(|error| failed(error.to_string()))?;
            self.fill(pod, volume, &place).map_err(failed)?;
        }
        fs::create_dir_all(self.directory.join("work")).map_err(|error| error.to_string())
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.directory.join("volumes").join(name)
    }

    fn fill(&self, pod: &Value, volume: &Value, place: &Path) -> Result<(), String> {
        if let Some(source) = volume.get("secret") {
            let name = text(source, "/secretName");
            return self.write_entries(&SECRETS, name, source, source, place);
        }
        if let Some(source) = volume.get("configMap") {
            return self.write_entries(&CONFIG_MAPS, text(source, "/name"), source, source, place);
        }
        if let Some(source) = volume.get("downwardAPI") {
            return write_fields(pod, source, source, place);
        }
        let Some(projected) = volume.get("projected") else {
            return Ok(());
        };
        for source in list(projected, "/sources") {
            for (kind, field) in [(&SECRETS, "secret"), (&CONFIG_MAPS, "configMap")] {
                if let Some(source) = source.get(field) {
                    self.write_entries(kind, text(source, "/name"), source, projected, place)?;
                }
            }
            if let Some(source) = source.get("downwardAPI") {
                write_fields(pod, source, projected, place)?;
            }
            if let Some(token) = source.get("serviceAccountToken") {
                let path = place.join(text(token, "/path"));
                write(&path, b"fake-token", 0o600).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn write_entries(
        &self,
        kind: &'static Kind,
        name: &str,
        source: &Value,
        modes: &Value,
        place: &Path,
    ) -> Result<(), String> {
        let Some(object) = self.store.get(&Key::new(kind, &self.key.namespace, name)) else {
            if flag(source, "/optional") {
                return Ok(());
            }
            return Err(format!("{} \"{name}\" not found", kind.singular));
        };
        let mode = number(modes, "/defaultMode").unwrap_or(0o644);
        let entries = entries(kind, &object);
        let items = list(source, "/items");
        let wanted: Vec<(&str, &str, i64)> = if items.is_empty() {
            entries
                .iter()
                .map(|(name, _)| (name.as_str(), name.as_str(), mode))
                .collect()
        } else {
            items
                .iter()
                .map(|item| {
                    let mode = number(item, "/mode").unwrap_or(mode);
                    (text(item, "/key"), text(item, "/path"), mode)
                })
                .collect()
        };
        for (wanted, path, mode) in wanted {
            let Some((_, content)) = entries.iter().find(|(name, _)| name == wanted) else {
                if flag(source, "/optional") {
                    continue;
                }
                return Err(format!(
                    "references non-existent {} key: {wanted}",
                    kind.singular
                ));
            };
            let mode = u32::try_from(mode).unwrap_or(0o644);
            write(&place.join(path), content, mode).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Where the mounts of a container really are.
    pub(super) fn mounts(&self, container: &Value) -> Mounts {
        let mut mounts = Mounts::default();
        for mount in list(container, "/volumeMounts") {
            let real = self.volume(text(mount, "/name"));
            let real = match text(mount, "/subPath") {
                "" => real,
                part => real.join(part),
            };
            mounts.add(text(mount, "/mountPath"), real);
        }
        mounts
    }
}

/// Writes fields of the pod, as the downward API does.
fn write_fields(pod: &Value, source: &Value, modes: &Value, place: &Path) -> Result<(), String> {
    let default = number(modes, "/defaultMode").unwrap_or(0o644);
    for item in list(source, "/items") {
        let content = field_of(pod, text(item, "/fieldRef/fieldPath"));
        let mode = number(item, "/mode").unwrap_or(default);
        let mode = u32::try_from(mode).unwrap_or(0o644);
        let path = place.join(text(item, "/path"));
        write(&path, content.as_bytes(), mode).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The entries of a Secret or a config map, as bytes.
pub(super) fn entries(kind: &'static Kind, object: &Value) -> Vec<(String, Vec<u8>)> {
    let fields = ["data", "binaryData"].into_iter();
    let maps = fields.filter_map(|field| Some((field, object.get(field)?.as_object()?)));
    let decoded = maps.flat_map(|(field, map)| {
        map.iter().map(move |(name, value)| {
            let value = value.as_str().unwrap_or("");
            let is_plain = kind == &CONFIG_MAPS && field == "data";
            let content = if is_plain {
                value.as_bytes().to_vec()
            } else {
                STANDARD.decode(value).unwrap_or_default()
            };
            (name.clone(), content)
        })
    });
    decoded.collect()
}

fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if path.exists() {
        // It was made by an earlier try, and may not be writable.
        fs::remove_file(path)?;
    }
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}
