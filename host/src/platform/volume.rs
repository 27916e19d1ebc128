//! What kind of file system a path lies on.

use std::path::Path;

/// File systems on which processes of several machines, or of a machine and its guest, may meet: memory that is mapped from a file is
/// not shared between them, and the WAL of `SQLite` rests on that. Numbers from statfs(2) and linux/magic.h.
#[cfg(target_os = "linux")]
const WITHOUT_SHARED_MEMORY: [(u64, &str); 14] = [
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    // sshfs, s3fs, and the shared folders of virtual machines.
    (0x6573_5546, "fuse"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7375_7245, "coda"),
    (0x0116_1970, "gfs2"),
];

/// The name of a network or guest file system; None for a local one, or where it cannot be told.
pub fn remote_file_system(path: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        // A file that is about to be made lies where its folder does.
        let stat = rustix::fs::statfs(path).or_else(|_| rustix::fs::statfs(path.parent().unwrap_or(path))).ok()?;
        name_of(stat.f_type as u64)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

/// Whether a file system is one of those.
#[cfg(target_os = "linux")]
pub(super) fn is_remote(stat: &rustix::fs::StatFs) -> bool {
    name_of(stat.f_type as u64).is_some()
}

/// Whether a file system is one of those, which cannot be told here.
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn is_remote(_: &rustix::fs::StatFs) -> bool {
    true
}

/// The name that goes with the number statfs(2) gives; it is 32 bits wide, and some systems extend its sign.
#[cfg(target_os = "linux")]
fn name_of(magic: u64) -> Option<&'static str> {
    WITHOUT_SHARED_MEMORY.iter().find(|(number, _)| *number == magic & 0xffff_ffff).map(|(_, name)| *name)
}

/// Whether all processes that open this file can share memory mapped from it.
pub fn has_shared_memory(path: &Path) -> bool {
    remote_file_system(path).is_none()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_and_guest_file_systems_are_known_by_their_numbers() {
        assert_eq!(name_of(0x6969), Some("nfs"));
        assert_eq!(name_of(0xffff_ffff_ff53_4d42), Some("cifs"), "with its sign extended");
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630] {
            assert_eq!(name_of(local), None, "ext4, xfs, btrfs, tmpfs, overlay");
        }
        assert!(has_shared_memory(&std::env::temp_dir()), "tests run on a local file system");
    }
}
