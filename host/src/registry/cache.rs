use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest::Digest;

/// Compiled components on disk, so that a component is compiled once a machine and not once a process.
///
/// Loading compiled code means running it, so a file is believed only if this host wrote it: the folder
/// belongs to the user and is closed to all others, and each file begins with a keyed hash of the rest.
/// A file that is cut off, changed, or of another version of the engine is compiled anew.
#[derive(Debug)]
pub struct ComponentCache {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

/// As long as the hash's output.
const KEY_BYTES: usize = 32;
/// The length of the hash at the beginning of each file.
const TAG_BYTES: usize = 32;
/// The file that holds the key.
const KEY_FILE: &str = "key";
/// No compiled component is larger; an interpreter compiles to about 100 MB.
const MAX_FILE_BYTES: u64 = 1 << 30;

impl ComponentCache {
    /// The cache in this folder, which is created where it is missing.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be used, or others may write into it.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)?;
        let metadata = fs::metadata(&directory)?;
        let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
        if !is_own || metadata.mode() & 0o022 != 0 {
            let message = format!("others may write into `{}`", directory.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let key = read_or_create_key(&directory)?;
        Ok(Self { directory, key })
    }

    /// The compiled component, if this host has compiled these bytes with this engine before.
    pub(super) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        if fs::metadata(&path).ok()?.len() > MAX_FILE_BYTES {
            return None;
        }
        let file = fs::read(&path).ok()?;
        let (tag, code) = file.split_at_checked(TAG_BYTES)?;
        if self.mac(engine, digest, code)?.verify_slice(tag).is_err() {
            tracing::warn!(path = %path.display(), "a cached component is damaged, compiling it anew");
            return None;
        }
        // SAFETY: `Component::deserialize` runs what it is given, so it must be what `serialize` wrote.
        // The keyed hash over these very bytes (a copy in memory, which nobody can change any more) was
        // verified with a key that only this user can read, and it covers the engine's settings and the
        // component's digest, so that no file can stand in for another.
        #[expect(
            unsafe_code,
            reason = "loading precompiled code; see the argument above"
        )]
        let component = unsafe { Component::deserialize(engine, code) };
        component
            .inspect_err(
                |error| tracing::debug!(%error, "a cached component does not fit this engine"),
            )
            .ok()
    }

    /// Keeps a compiled component. What goes wrong costs time later, and nothing else.
    pub(super) fn store(&self, engine: &Engine, digest: Digest, component: &Component) {
        if let Err(error) = self.try_store(engine, digest, component) {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot cache a component");
        }
    }

    fn try_store(&self, engine: &Engine, digest: Digest, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let mac = self
            .mac(engine, digest, &code)
            .ok_or_else(|| io::Error::other("no hash"))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.write_all(&code)?;
        // Readers see either no file or a whole one.
        file.persist(self.path(engine, digest))
            .map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
        let settings = compatibility(engine);
        self.directory
            .join(format!("{}-{settings:016x}.compiled", digest.digits()))
    }

    fn mac(&self, engine: &Engine, digest: Digest, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(&compatibility(engine).to_le_bytes());
        mac.update(digest.digits().as_bytes());
        mac.update(code);
        Some(mac)
    }
}

/// Changes with the engine's version and settings, and with the processor's features.
fn compatibility(engine: &Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn read_or_create_key(directory: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = directory.join(KEY_FILE);
    if let Ok(key) = fs::read(&path)
        && let Ok(key) = <[u8; KEY_BYTES]>::try_from(key)
    {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = tempfile::Builder::new().make_in(directory, |path| {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    })?;
    file.write_all(&key)?;
    // Of two hosts that start at once, both end up with the key of the later one; what the earlier one
    // has cached is compiled once more.
    file.persist(&path).map_err(|error| error.error)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &str = "(component)";

    struct Fixture {
        directory: tempfile::TempDir,
        engine: Engine,
        digest: Digest,
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
    fn one_component_cannot_stand_in_for_another() {
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
    fn a_folder_that_others_may_write_into_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = ComponentCache::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
