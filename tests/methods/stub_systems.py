"""Other people's packages, as far as the recipes' scripts call them: names, arguments and shapes, and halved noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stub:
    """A checkout or package.

    Attributes:
        files: path and text.
        weights: what its checkpoint holds.
        nfe: network calls of one recording; None where they cannot be counted.
        nfe_of_3: when 3 steps are asked for.
    """

    files: dict[str, str]
    weights: dict[str, Any] = field(default_factory=dict)
    nfe: int | None = 1
    nfe_of_3: int | None = None


NETWORK = """
import torch
class Half(torch.nn.Module):
    def forward(self, x, *_, **__):
        return 0.5 * x
"""

SPECTRAL_MODEL = (
    NETWORK
    + """
class Model(torch.nn.Module):
    T_rev, t_eps = 1.0, 0.03
    @classmethod
    def load_from_checkpoint(cls, path, **options):
        assert torch.load(path) == {} and cls.options <= options.keys(), options
        return cls()
    def eval(self, no_ema=False):
        return self.train(False)
    def _stft(self, samples):
        assert samples.ndim == 2
        return torch.stft(samples, 510, 128, window=torch.ones(510), return_complex=True)
    def _forward_transform(self, spectrogram):
        return spectrogram
    def to_audio(self, spectrogram, length):
        return torch.istft(spectrogram, 510, 128, window=torch.ones(510), length=length)
"""
)

SPEECHBRAIN = (
    NETWORK
    + """
from types import SimpleNamespace
class Model:
    @classmethod
    def from_hparams(cls, source, savedir, run_opts):
        assert source.startswith("speechbrain/") and "speechbrain--" in savedir
        assert run_opts["device"] in ("cpu", "cuda")
        self = cls()
        self.mods = SimpleNamespace(enhance_model=Half(), masknet=Half())
        return self
"""
)

URGENT = (
    NETWORK
    + """
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.se_model, self.dnn = Half(), Half()
    @classmethod
    def load_from_checkpoint(cls, path, map_location):
        return cls()
"""
)

STUBS = {
    "voicefixer": Stub(
        {
            "voicefixer/__init__.py": """
class VoiceFixer:
    def restore_inmem(self, samples, cuda, mode):
        assert samples.ndim == 1 and cuda in (True, False) and mode == 0
        print("restoring")
        return 0.5 * samples[None, :-3]
"""
        },
        nfe=None,
    ),
    "noisereduce": Stub(
        {
            "noisereduce.py": """
def reduce_noise(y, sr, stationary):
    assert y.ndim == 1 and sr == 16000 and stationary is False
    return 0.5 * y
"""
        },
        nfe=None,
    ),
    "logmmse_py": Stub(
        {
            "logmmse.py": """
import numpy as np
def logmmse(data, sampling_rate):
    assert data.dtype == np.float32 and sampling_rate == 16000
    return 0.5 * data[:-60]
"""
        },
        nfe=None,
    ),
    "speex": Stub(
        {
            "pyspeex_noise.py": """
class AudioProcessor:
    def __init__(self, auto_gain, noise_suppression):
        assert (auto_gain, noise_suppression) == (0, -30)
        self.late = bytes(320)
    def process_10ms(self, audio):
        assert len(audio) == 320
        late, self.late = self.late, audio
        return late
"""
        },
        nfe=None,
    ),
    "nara_wpe": Stub(
        {
            "nara_wpe/utils.py": """
import numpy as np
def stft(samples, size, shift):
    assert samples.ndim == 2 and (size, shift) == (512, 128)
    return np.pad(samples, ((0, 0), (0, -samples.shape[1] % shift))).reshape(1, -1, shift) + 0j
def istft(frames, size, shift):
    return frames.real.reshape(1, -1)
""",
            "nara_wpe/wpe.py": """
def wpe(frames, taps, delay, iterations, statistics_mode):
    assert frames.shape[:2] == (128, 1) and statistics_mode == "full"
    return 0.5 * frames
""",
        },
        nfe=None,
    ),
    "clearvoice": Stub(
        {
            "clearvoice.py": """
import soundfile
print("loading")
class ClearVoice:
    def __init__(self, task, model_names):
        assert task == "speech_enhancement" and model_names == ["MossFormerGAN_SE_16K"]
    def __call__(self, input_path, online_write):
        samples, rate = soundfile.read(input_path, dtype="float32")
        print("Running", rate)
        if len(samples) < 100:
            raise ValueError("too short")
        assert rate == 16000 and online_write is False
        return 0.5 * samples[None]
"""
        },
        nfe=None,
    ),
    "metricgan_plus": Stub(
        {
            "speechbrain/inference/enhancement.py": SPEECHBRAIN
            + """
class SpectralMaskEnhancement(Model):
    def enhance_batch(self, noisy, lengths):
        assert noisy.ndim == 2 and lengths.shape == (1,)
        return self.mods.enhance_model(noisy)
"""
        }
    ),
    "sepformer_dns": Stub(
        {
            "speechbrain/inference/separation.py": SPEECHBRAIN
            + """
class SepformerSeparation(Model):
    def separate_batch(self, mix):
        return self.mods.masknet(mix)[..., None]
"""
        }
    ),
    "denoiser": Stub(
        {
            "denoiser/__init__.py": "",
            "denoiser/pretrained.py": NETWORK + "def master64():\n    return Half()\n",
        }
    ),
    "sgmse": Stub(
        {
            "sgmse/model.py": SPECTRAL_MODEL
            + """
class ScoreModel(Model):
    options = {"map_location"}
    def __init__(self):
        super().__init__()
        self.dnn = Half()
    def enhance(self, y, corrector, snr, N=30):
        assert y.ndim == 2 and corrector == "ald" and snr == 0.5
        for _ in range(2 * N):
            made = self.dnn(y.cuda())
        return (made + 0.001 * torch.randn_like(made)).squeeze().cpu().numpy()
"""
        },
        nfe=60,
        nfe_of_3=6,
    ),
    "storm": Stub(
        {
            "sgmse/model.py": SPECTRAL_MODEL
            + """
class StochasticRegenerationModel(Model):
    options = {"base_dir", "batch_size", "num_workers", "kwargs"}
    def __init__(self):
        super().__init__()
        self.denoiser_net, self.score_net = Half(), Half()
    def enhance(self, y, corrector, N, snr):
        assert y.ndim == 2 and corrector == "ald" and snr == 0.5
        made = self.denoiser_net(y.cuda())
        for _ in range(2 * N):
            self.score_net(made)
        return (made + 0.001 * torch.randn_like(made)).squeeze().cpu()
"""
        },
        nfe=101,
        nfe_of_3=7,
    ),
    "cmgan": Stub(
        {
            "src/models/generator.py": NETWORK
            + """
class TSCNet(Half):
    def __init__(self, num_channel, num_features):
        super().__init__()
        assert (num_channel, num_features) == (64, 201)
""",
            "src/evaluation.py": """
import soundfile, torch
def enhance_one_track(model, audio_path, saved_dir, cut_len, n_fft=400, hop=100, save_tracks=False):
    samples, rate = soundfile.read(audio_path, dtype="float32")
    assert rate == 16000 and cut_len == 256000
    made = model(torch.from_numpy(samples).cuda())
    return made.numpy(), len(samples)
""",
        }
    ),
    "mp_senet": Stub(
        {
            "config.json": '{"n_fft": 400, "hop_size": 100, "win_size": 400, "compress_factor": 0.3}',
            "datasets/dataset.py": """
import torch
def mag_pha_stft(y, n_fft, hop_size, win_size, compress_factor):
    assert y.ndim == 2 and compress_factor == 0.3
    window = torch.hann_window(win_size)
    spectrum = torch.stft(y, n_fft, hop_size, win_size, window, return_complex=True)
    return spectrum.abs(), spectrum.angle(), None
def mag_pha_istft(magnitude, phase, n_fft, hop_size, win_size, compress_factor):
    window = torch.hann_window(win_size)
    return torch.istft(torch.polar(magnitude, phase), n_fft, hop_size, win_size, window)
""",
            "models/generator.py": """
import torch
class MPNet(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        assert config.n_fft == 400
    def forward(self, magnitude, phase):
        return 0.5 * magnitude, phase, None
""",
        },
        {"generator": {}},
    ),
    "manner": Stub(
        {
            "src/models.py": NETWORK
            + """
class MANNER(Half):
    def __init__(self, in_channels, out_channels, hidden, depth, kernel_size, stride, growth, head, segment_len):
        super().__init__()
        assert hidden == 60
"""
        },
        {"state_dict": {}},
    ),
    "cdiffuse": Stub(
        {
            "src/cdiffuse/params.py": """
from types import SimpleNamespace
params = SimpleNamespace(n_mels=80, n_specs=513, n_fft=1024, hop_samples=256)
""",
            "src/cdiffuse/preprocess.py": """
import numpy as np
def make_spectrum(filename=None, y=None, FRAMELENGTH=400, SHIFT=160):
    return np.ones((FRAMELENGTH // 2 + 1, 1 + len(y) // SHIFT), np.float32), None, len(y)
""",
            "src/cdiffuse/inference.py": NETWORK
            + """
from params import params
def load_model(model_dir=None, args=None, params=None, device=torch.device("cuda")):
    torch.load(model_dir)
    return Half()
def inference_schedule(model, fast_sampling=False):
    assert fast_sampling
    return ("alpha", "beta")
def predict(spectrogram, model, noisy_signal, alpha, beta, device=torch.device("cuda")):
    assert spectrogram.shape[0] == params.n_mels == 513 and device.type in ("cpu", "cuda")
    audio = torch.zeros(1, 256 * spectrogram.shape[1])
    audio[:, : len(noisy_signal)] = torch.from_numpy(noisy_signal)
    for _ in range(6):
        made = model(audio)
    return made + 0.001 * torch.randn_like(made), 16000
""",
        },
        nfe=6,
    ),
    "flowse": Stub(
        {
            "flowmse/model.py": SPECTRAL_MODEL
            + """
from types import SimpleNamespace
class VFModel(Model):
    options = {"base_dir", "batch_size", "num_workers", "kwargs"}
    def __init__(self):
        super().__init__()
        self.dnn, self.ode = Half(), SimpleNamespace(T_rev=None)
    def forward(self, x, t, y):
        return self.dnn(y)
""",
            "flowmse/sampling/__init__.py": """
import torch
def get_white_box_solver(name, ode, model, Y, Y_prior=None, T_rev=1.0, t_eps=0.03, N=30):
    assert name == "euler" and ode.T_rev == T_rev == 1.0 and t_eps == 0.03 and Y.ndim == 4
    def solve():
        for _ in range(N):
            made = model(Y, None, Y)
        return made + 0.001 * torch.randn_like(made), N
    return solve
""",
            "flowmse/util/other.py": "def pad_spec(x):\n    assert x.ndim == 4\n    return x\n",
        },
        nfe=5,
        nfe_of_3=3,
    ),
    "urgent_bsrnn": Stub(
        {
            "baseline_code/d_model.py": URGENT.replace("0.5 * x", "0.5 * x, None")
            + "class SEModel(Model):\n    pass\n",
        }
    ),
    "urgent_bsrnn_flow": Stub(
        {
            "baseline_code/flow_model.py": URGENT
            + """
class FlowSEModel(Model):
    def enhance(self, y, fs, speech_length, N=15):
        assert y.shape == (1, speech_length[0])
        for _ in range(N):
            made = self.dnn(y)
        return made + 0.001 * torch.randn_like(made)
"""
        },
        nfe=15,
        nfe_of_3=3,
    ),
}
