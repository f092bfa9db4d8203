//! Makes seeds with our writer and with the tools people use, in turns, and prints the ratios.
//!
//! `cargo bench --bench iso`; wants genisoimage, xorriso and cloud-localds (cloud-image-utils).
//! CPU is user + system of this process or of its children, from `/proc/self`.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use firstlight::pack::atomic;
use firstlight::pack::iso9660::{File, IsoImage, write};

/// Turns, and images per turn: ours are many, because one is too short to measure.
const TURNS: u32 = 5;
const OURS: u32 = 1000;
const PEERS: u32 = 20;

/// What the table is scaled to.
const SCALE: u32 = 1000;

/// Of one contender, over all turns.
#[derive(Default, Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
    images: u32,
    bytes: u64,
}

struct Seed {
    folder: PathBuf,
    files: Vec<(&'static str, Vec<u8>)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let seed = Seed::new(folder.path().join("seed"))?;
    let out = folder.path().join("out");
    fs_err::create_dir(&out)?;
    let names = [
        "firstlight, one process",
        "write the bytes, no more",
        "genisoimage",
        "xorriso -as mkisofs",
        "cloud-localds",
    ];
    // As many bytes as our image has.
    let floor = vec![1; 49 * 2048];
    let mut costs = [Cost::default(); 5];
    for _ in 0..TURNS {
        costs[0].add(OURS, &out, |path| seed.ours(path))?;
        costs[1].add(OURS, &out, |path| Ok(fs_err::write(path, &floor)?))?;
        costs[2].add(PEERS, &out, |path| seed.mkisofs("genisoimage", &[], path))?;
        let xorriso = ["-as", "mkisofs"];
        costs[3].add(PEERS, &out, |path| seed.mkisofs("xorriso", &xorriso, path))?;
        costs[4].add(PEERS, &out, |path| seed.cloud_localds(path))?;
    }
    print_table(&names, &costs)?;
    Ok(())
}

impl Seed {
    fn new(folder: PathBuf) -> Result<Self, Box<dyn Error>> {
        fs_err::create_dir(&folder)?;
        let files = vec![
            ("user-data", vec![b'u'; 40_000]),
            ("meta-data", vec![b'm'; 80]),
            ("network-config", vec![b'n'; 500]),
            ("vendor-data", vec![b'v'; 1000]),
        ];
        for (name, content) in &files {
            fs_err::write(folder.join(name), content)?;
        }
        Ok(Self { folder, files })
    }

    fn ours(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let mut image = IsoImage::new("cidata");
        for (name, content) in &self.files {
            let mut file = File::new(content.as_slice());
            file.mode = 0o600;
            image.add(name, file)?;
        }
        atomic::write_with(path, 0o600, |mut out| write(&image, &mut out))?;
        Ok(())
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|(name, _)| self.folder.join(name))
    }

    fn mkisofs(&self, tool: &str, args: &[&str], path: &Path) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new(tool);
        command.args(args);
        command.args(["-quiet", "-J", "-R", "-V", "cidata", "-o"]);
        run(command.arg(path).args(self.paths()))
    }

    fn cloud_localds(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let file = |name| self.folder.join(name);
        let mut command = Command::new("cloud-localds");
        command.arg("-N").arg(file("network-config"));
        command.arg("-V").arg(file("vendor-data"));
        run(command
            .arg(path)
            .args([file("user-data"), file("meta-data")]))
    }
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(())
}

impl Cost {
    fn add(
        &mut self,
        images: u32,
        out: &Path,
        make: impl Fn(&Path) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let path = |n: u32| out.join(format!("{n}.iso"));
        let (cpu, start) = (cpu()?, Instant::now());
        for n in 0..images {
            make(&path(n))?;
        }
        self.wall += start.elapsed();
        self.cpu += self::cpu()?.saturating_sub(cpu);
        self.images += images;
        self.bytes = fs_err::metadata(path(0))?.len();
        for n in 0..images {
            fs_err::remove_file(path(n))?;
        }
        Ok(())
    }

    /// CPU and wall of [`SCALE`] images, in seconds.
    fn scaled(&self) -> (f64, f64) {
        let scale = f64::from(SCALE) / f64::from(self.images);
        (
            self.cpu.as_secs_f64() * scale,
            self.wall.as_secs_f64() * scale,
        )
    }
}

/// User and system time of this process and its children that have ended, proc(5): fields 14 to
/// 17 of `stat`, in hundredths of a second on every Linux.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = fs_err::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no `)` in /proc/self/stat")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(4) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}

fn print_table(names: &[&str], costs: &[Cost]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let (our_cpu, our_wall) = costs[0].scaled();
    writeln!(
        out,
        "| {SCALE} seeds | CPU s | wall s | CPU ratio | wall ratio | bytes each | made |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for (name, cost) in names.iter().zip(costs) {
        let (cpu, wall) = cost.scaled();
        let Cost { images, bytes, .. } = cost;
        writeln!(
            out,
            "| {name} | {cpu:.2} | {wall:.2} | {:.1} | {:.1} | {bytes} | {images} |",
            cpu / our_cpu,
            wall / our_wall,
        )?;
    }
    Ok(())
}
