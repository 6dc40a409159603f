#[cfg(feature = "compile")]
mod bound;
mod name;
#[cfg_attr(not(feature = "compile"), path = "settings_of_names.rs")]
mod settings;

use std::io;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use name::{KEY_FILE, file_name};

use crate::digest::Digest;
use crate::filesystem::PrivateDirectory;

/// Compiled components on disk, so that a component is compiled once per machine instead of once per
/// process.
///
/// Loading compiled code means running it, so a file is trusted only if this host wrote it: the folder and
/// each file belong to the user and are inaccessible to all others, and a file begins with a keyed hash of
/// the rest and of the folder itself. A component is compiled again if its file is truncated, modified,
/// copied along with its folder, or of another version of the engine.
#[derive(Debug)]
pub(crate) struct ComponentCache {
    directory: PrivateDirectory,
    key: [u8; KEY_BYTES],
}

/// The length of the hash's output.
const KEY_BYTES: usize = 32;
/// The length of the hash at the beginning of each file.
const TAG_BYTES: usize = 32;
/// The maximum size of a compiled component; an interpreter compiles to about 100 MB.
const MAX_FILE_BYTES: u64 = 1 << 30;

impl ComponentCache {
    /// The cache in this folder, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder cannot be used, is a link, or is accessible to others.
    pub(crate) fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        let directory = PrivateDirectory::open(directory.as_ref())?;
        let key = read_or_create_key(&directory)?;
        Ok(Self { directory, key })
    }

    /// The compiled component, if this host has compiled these bytes with this engine before.
    pub(super) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let settings = settings::candidates(&self.directory, engine, digest);
        settings
            .into_iter()
            .find_map(|settings| self.load_compiled(engine, digest, settings))
    }

    fn load_compiled(&self, engine: &Engine, digest: Digest, settings: u64) -> Option<Component> {
        let name = file_name(settings, digest);
        let file = match self.directory.read(&name, MAX_FILE_BYTES) {
            Ok(file) => file,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(file = name, %error, "ignoring a cached component that is not \
                                                         trusted");
                }
                return None;
            }
        };
        let (tag, code) = file.split_at_checked(TAG_BYTES)?;
        if self.mac(settings, digest, code)?.verify_slice(tag).is_err() {
            tracing::warn!(file = name, "ignoring a damaged cached component");
            return None;
        }
        // SAFETY: `Component::deserialize` executes its input, so it must be output of `serialize`. The keyed
        // hash of exactly these bytes (a copy in memory, which can no longer change) was verified with a key
        // that only this user can read, and it covers the settings in the file's name and the component's
        // digest, so that a file cannot be exchanged for another. `deserialize` itself compares the engine's
        // version and settings.
        #[expect(
            unsafe_code,
            reason = "loading precompiled code; see the argument above"
        )]
        let component = unsafe { Component::deserialize(engine, code) };
        let component = component
            .inspect_err(
                |error| tracing::debug!(%error, "a cached component does not fit this engine"),
            )
            .ok();
        if component.is_some()
            && let Err(error) = self.directory.mark_used(&name)
        {
            tracing::debug!(file = name, %error, "cannot mark a cached component as used");
        }
        component
    }

    fn mac(&self, settings: u64, digest: Digest, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        // A folder that was extracted from an archive has another inode number than the original.
        mac.update(&self.directory.inode().to_le_bytes());
        mac.update(&settings.to_le_bytes());
        mac.update(digest.digits().as_bytes());
        mac.update(code);
        Some(mac)
    }
}

#[cfg(feature = "compile")]
impl ComponentCache {
    /// Stores a compiled component. A failure only costs time later.
    pub(super) fn store(&self, engine: &Engine, digest: Digest, component: &Component) {
        if let Err(error) = self.try_store(engine, digest, component) {
            tracing::warn!(%error, directory = %self.directory.path().display(), "cannot cache a component");
        }
    }

    fn try_store(&self, engine: &Engine, digest: Digest, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let settings = settings::of(engine);
        let mac = self
            .mac(settings, digest, &code)
            .ok_or_else(|| io::Error::other("no hash"))?;
        let tag = mac.finalize().into_bytes();
        let name = file_name(settings, digest);
        self.directory.write(&name, &[&tag, &code])?;
        bound::trim(&self.directory, &name, bound::MAX_BYTES)
    }
}

/// Loads the output of this host's own compiler in another process.
///
/// # Errors
///
/// If it was compiled for another engine.
#[cfg(feature = "compile")]
pub(super) fn load_from_own_compiler(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` executes its input, so it must be output of `precompile_component`. These
    // bytes were read to their end from the standard output of a process that this one started, from a program that
    // the embedder named as its own (`CompilerProgram`; the command line names the file that it runs itself, by
    // `/proc/self/exe`), and that exited with success. No other process has either end of the pipe. An attacker who
    // could replace that program could as well replace this one. The bytes are a copy in memory, and the engine's
    // version and settings are compared by `deserialize` itself.
    #[expect(
        unsafe_code,
        reason = "loading precompiled code; see the argument above"
    )]
    let component = unsafe { Component::deserialize(engine, code) };
    component
}

fn read_or_create_key(directory: &PrivateDirectory) -> io::Result<[u8; KEY_BYTES]> {
    match directory.read(KEY_FILE, KEY_BYTES as u64) {
        Ok(key) => {
            if let Ok(key) = <[u8; KEY_BYTES]>::try_from(key) {
                return Ok(key);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let directory = directory.path().display();
            tracing::warn!(%directory, %error, "the key of compiled components is not trusted, generating another");
        }
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // If two hosts start concurrently, both end up with the key of the later one; components that the earlier
    // one has cached are compiled again.
    directory.write(KEY_FILE, &[&key])?;
    Ok(key)
}

#[cfg(feature = "compile")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    const COMPONENT: &str = "(component)";

    struct Fixture {
        directory: tempfile::TempDir,
        engine: Engine,
        digest: Digest,
    }

    impl ComponentCache {
        fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
            self.directory
                .path()
                .join(file_name(settings::of(engine), digest))
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn fixture() -> (Fixture, ComponentCache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = ComponentCache::open(directory.path().join("cache")).unwrap();
        let engine = Engine::default();
        let bytes = wat::parse_str(COMPONENT).unwrap();
        let digest = Digest::of(&bytes);
        cache.store(&engine, digest, &Component::new(&engine, &bytes).unwrap());
        (
            Fixture {
                directory,
                engine,
                digest,
            },
            cache,
        )
    }

    #[test]
    fn returns_what_it_was_given_to_this_host_alone() {
        let (
            Fixture {
                directory,
                engine,
                digest,
            },
            cache,
        ) = fixture();
        assert!(cache.load(&engine, digest).is_some());
        let again = ComponentCache::open(directory.path().join("cache")).unwrap();
        assert!(again.load(&engine, digest).is_some());
        let elsewhere = ComponentCache::open(directory.path().join("other")).unwrap();
        fs::copy(cache.path(&engine, digest), elsewhere.path(&engine, digest)).unwrap();
        assert!(elsewhere.load(&engine, digest).is_none());
    }

    #[test]
    fn a_file_cut_or_changed_at_any_place_is_not_believed() {
        let (
            Fixture {
                directory: _kept,
                engine,
                digest,
            },
            cache,
        ) = fixture();
        let path = cache.path(&engine, digest);
        let whole = fs::read(&path).unwrap();
        for position in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
            fs::write(&path, &whole[..position]).unwrap();
            assert!(cache.load(&engine, digest).is_none(), "cut at {position}");
            let mut changed = whole.clone();
            changed[position] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(
                cache.load(&engine, digest).is_none(),
                "changed at {position}"
            );
        }
    }

    #[test]
    fn one_component_cannot_be_exchanged_for_another() {
        let (
            Fixture {
                directory: _kept,
                engine,
                digest,
            },
            cache,
        ) = fixture();
        let other = Digest::of(b"another component");
        fs::copy(cache.path(&engine, digest), cache.path(&engine, other)).unwrap();
        assert!(cache.load(&engine, other).is_none());
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        set_mode(directory.path(), 0o755);
        let error = ComponentCache::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_folder_that_was_copied_is_not_believed() {
        let (
            Fixture {
                directory,
                engine,
                digest,
            },
            cache,
        ) = fixture();
        let copy = directory.path().join("copy");
        ComponentCache::open(&copy).unwrap();
        for entry in fs::read_dir(cache.directory.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        let planted = ComponentCache::open(&copy).unwrap();
        assert_eq!(planted.key, cache.key);
        assert!(planted.path(&engine, digest).exists());
        assert!(planted.load(&engine, digest).is_none());
    }

    #[test]
    fn a_file_that_others_can_read_or_a_link_to_one_is_not_believed() {
        let (
            Fixture {
                directory,
                engine,
                digest,
            },
            cache,
        ) = fixture();
        let path = cache.path(&engine, digest);
        set_mode(&path, 0o644);
        assert!(cache.load(&engine, digest).is_none());
        set_mode(&path, 0o600);
        assert!(cache.load(&engine, digest).is_some());
        let aside = directory.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        symlink(&aside, &path).unwrap();
        assert!(cache.load(&engine, digest).is_none());
        fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(cache.load(&engine, digest).is_none());
    }

    /// Each starts with a valid key, and a component that was compiled with it.
    #[test]
    fn a_key_that_somebody_else_may_know_is_replaced() {
        type Spoil = fn(&Path);
        let cases: [(&str, Spoil); 4] = [
            ("readable", |key| set_mode(key, 0o644)),
            ("a link", |key| {
                let aside = key.with_file_name("aside");
                fs::rename(key, &aside).unwrap();
                symlink(&aside, key).unwrap();
            }),
            ("a pipe", |key| {
                fs::remove_file(key).unwrap();
                mknodat(CWD, key, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            }),
            ("too long", |key| fs::write(key, [7; 33]).unwrap()),
        ];
        for (case, spoil) in cases {
            let (
                Fixture {
                    directory,
                    engine,
                    digest,
                },
                cache,
            ) = fixture();
            let path = directory.path().join("cache");
            spoil(&path.join(KEY_FILE));
            let again = ComponentCache::open(&path).unwrap();
            assert_ne!(again.key, cache.key, "{case}");
            assert!(again.load(&engine, digest).is_none(), "{case}");
            let third = ComponentCache::open(&path).unwrap();
            assert_eq!(third.key, again.key, "{case}");
        }
    }
}
