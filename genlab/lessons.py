"""Six short lessons that drive the page's own panels: what to set, what to look for, one question each."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

KEY = "lesson"  # of the page's address


class Step(NamedTuple):
    """One look at one panel.

    ``place`` and ``settings`` are those of the panel's address; ``run`` says that it is run on arrival.
    """

    place: str
    settings: dict[str, Any]
    look: str
    question: str
    answer: str
    run: bool = True

    def query(self, name: str) -> str:
        """Of the address that sets the panel, as the step ``name``."""
        told = {"tab": self.place} | self.settings | {KEY: name} | ({"run": 1} if self.run else {})
        return urlencode(told, safe="/,")


class Lesson(NamedTuple):
    title: str
    idea: str
    steps: tuple[Step, ...]


LESSONS = (
    Lesson(
        "Autoencoder: a picture in 32 numbers",
        "Squeeze a digit into a few numbers, the code, and draw it again from them. What is in the code can be "
        "drawn; but which codes are digits?",
        (
            Step(
                "latent-space/reconstruct",
                {"families": "autoencoder,vae", "index": 1},
                "Both families squeeze the same digit and draw it again. Compare the errors, then try other test digits.",
                "The VAE's code has 16 numbers, the autoencoder's 32. Does the VAE come less close?",
                "Hardly: now the one is closer, now the other, and on the whole neither. The VAE's network is "
                "convolutional and need not learn anew for every place what a stroke is. Both keep the shape "
                "and lose the exact edges.",
            ),
            Step(
                "compare",
                {"families": "autoencoder,vae", "autoencoder.prior": "normal", "vae.prior": "normal"},
                "Now nobody gives a digit: codes are drawn from N(0, 1), and decoded.",
                "Why does the VAE draw digits and the autoencoder does not?",
                "The autoencoder's codes lie anywhere; a place drawn at random is one that no digit has. The "
                "VAE was trained to fill N(0, 1).",
            ),
            Step(
                "compare",
                {"families": "autoencoder,vae", "autoencoder.prior": "mixture", "vae.prior": "mixture"},
                "The same weights. Ten Gaussians were fitted to where the codes of real digits lie, and codes "
                "are drawn from these.",
                "What had to be learned anew for the autoencoder to draw digits?",
                "None of its weights: only where its codes lie. Diffusion in a latent space will do the "
                "same with a far better model of the codes.",
            ),
        ),
    ),
    Lesson(
        "VAE: a space in which one can walk",
        "A VAE draws from N(0, 1), so every place of its latent space should be a picture, and close places "
        "close pictures.",
        (
            Step(
                "latent-space/map",
                {"x": 0, "y": 0},
                "A VAE with two latents, as a map. Click on it, or move x and y. The coloured dots are test "
                "digits, where the encoder puts them.",
                "Which digits lie in the middle, and why are they blurred?",
                "Those that many digits can become, such as 8, 3 and 5: where the clouds of several digits meet, "
                "the decoder draws their mean.",
                run=False,
            ),
            Step(
                "latent-space/way",
                {"families": "autoencoder,vae,gan", "n": 9, "index": 0, "other_index": 1},
                "From a 7 to a 2, in three latent spaces.",
                "In which of them is every picture on the way a digit?",
                "Most clearly in the GAN's, whose every code was trained to be a digit; the autoencoder's way "
                "leads through what is none.",
            ),
            Step(
                "latent-space/arithmetic",
                {"plus": 7, "minus": 1, "start": "a picture", "index": 2, "strength": 1},
                "A 1, to which is added what a 7 has and a 1 has not.",
                "What does the sum show, and what does strength 0.5 show?",
                "A 7 that leans as the 1 did; half of the difference is a shape between both.",
                run=False,
            ),
        ),
    ),
    Lesson(
        "GAN: two who learn from each other",
        "A generator draws, an opponent tells real from drawn, and each learns from the other. Nobody says what "
        "a digit is; but the game can be lost.",
        (
            Step(
                "compare",
                {"families": "vae,gan,wgan_gp"},
                "Compare the strokes.",
                "Whose edges are sharpest, and what does the VAE do where it is unsure?",
                "Those of the GANs: a blurred edge is told from a real one at once. The VAE draws the mean "
                "of what may be there.",
            ),
            Step(
                "gan-lab/ring",
                {},
                "Two games on a ring of eight Gaussians. A learns too fast for its opponent; B is WGAN-GP.",
                "How many modes does each cover in the end, and why does A jump?",
                "A sits on one and jumps to wherever its opponent does not yet look; B finds all eight.",
            ),
            Step(
                "gan-lab/ring",
                {
                    "A.preset": "saturation: minimax, a sure opponent",
                    "A.game": "minimax",
                    "A.lr": 1e-4,
                    "A.lr_d": 5e-3,
                    "B.preset": "the same, non-saturating",
                    "B.game": "non_saturating",
                    "B.steps": 1500,
                    "B.lr": 1e-4,
                    "B.lr_d": 5e-3,
                },
                "The same sure opponent, two losses. Look at the plots of the pull.",
                "Which generator is pulled, and by how much more?",
                "B, by orders of magnitude: log(1 − D) is flat where the opponent is sure, −log D is steep.",
            ),
        ),
    ),
    Lesson(
        "Diffusion: a picture out of noise, step by step",
        "Ruin a picture with noise in many small steps, learn to undo one of them, and begin with pure noise.",
        (
            Step(
                "diffusion/noising",
                {"t": 500, "index": 0},
                "Move t. The same noise grows, the picture fades; the jump and the walk have the same moments.",
                "Under which schedule can the 7 still be read at t = 550?",
                "Under the cosine schedule, which was made for that; under the linear one it is nearly gone.",
                run=False,
            ),
            Step(
                "diffusion/reverse",
                {"label": 3, "steps": 50, "seed": 1},
                "Pure noise becomes a 3. Drag the slider “step” from 0 on and compare the two pictures.",
                "What does the network believe in at the first steps, and when is the digit decided?",
                "In a grey blot, the mean of all that is possible; its shape is settled in the first half, the "
                "rest draws edges.",
            ),
            Step(
                "diffusion/duel",
                {"n": 8, "seed": 0},
                "The same network, the same noise; A is DDIM, B is DDPM. Then press “Each 8 times from one start”.",
                "Which of both draws the same picture every time?",
                "DDIM: without fresh noise the start decides everything. That is why it can be walked "
                "backwards, and why between two starts there are pictures.",
            ),
        ),
    ),
    Lesson(
        "Guidance: as you wish",
        "The same network predicts the noise with the digit told and without. Going further along the "
        "difference enforces the digit.",
        (
            Step(
                "diffusion/guidance",
                {"label": 5, "scales": "0, 1, 3, 8", "seed": 2},
                "Each row is the same noise under another scale w.",
                "What happens at w = 0, and what is lost at w = 8?",
                "At w = 0 nobody asks for a digit, and any comes. At 8 all are 5s, with heavier strokes and "
                "fewer ways to write them.",
            ),
            Step(
                "diffusion/steps",
                {},
                "Measured with the shipped weights: how close each sampler comes to real digits with how many "
                "steps.",
                "From how many steps on does it hardly get better, and why?",
                "From about 20 on: the solvers then follow the way so exactly that what is missing is the "
                "network's doing, and the chance of few samples.",
                run=False,
            ),
            Step(
                "diffusion/image-to-image",
                {"index": 0, "label": 9, "guidance": 3, "strength": 0.75},
                "A 7 is noised as far as strength says, and drawn again as a 9.",
                "What is kept of the 7?",
                "Its slant and thickness: what was still to be seen at that noise. At strength 0.5 it stays a 7.",
            ),
        ),
    ),
    Lesson(
        "Latent diffusion: how Stable Diffusion does it",
        "Diffuse the code of an autoencoder instead of the pixels, and ask with words.",
        (
            Step(
                "studio/text",
                {"prompt": "a thick green three on a yellow background", "n": 4, "seed": 1},
                "mini-SD is a real Stable Diffusion of 2 million parameters, trained on coloured digits.",
                "What changes from picture to picture, and what does not?",
                "How the digit is written; digit, colours and thickness are those of the prompt.",
            ),
            Step(
                "studio/inside",
                {"prompt": "a thick green three on a yellow background", "seed": 1},
                "One run, taken apart: the four channels of the latent, both predictions, and where each word looks.",
                "How many numbers are diffused, and how many has the picture?",
                "The panel counts both: the latent has a fraction of the picture's numbers, and the decoder "
                "draws the rest.",
            ),
            Step(
                "studio/sweep",
                {"prompt": "a thick green three on a yellow background", "seed": 1},
                "The same noise and words under several scales of guidance.",
                "From which scale on does the picture do what the prompt says?",
                "For this small model from about 2; scales beyond 5 make colours harder, not truer.",
            ),
        ),
    ),
)


def steps() -> dict[str, Step]:
    """Every step by its name: lesson and step, from 1, with a dot between."""
    return {f"{i}.{k}": step for i, lesson in enumerate(LESSONS, 1) for k, step in enumerate(lesson.steps, 1)}
