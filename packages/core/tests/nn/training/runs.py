"""Small trainings that are written once for PyTorch and Flambeau: `t` is the framework, the losses of 100 steps are the result."""
from __future__ import annotations

STEPS = 100


def mlp(t):
    t.manual_seed(0)
    nn = t.nn
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 5))
    x, target = t.randn(256, 10), t.randint(0, 5, (256,))
    optimizer = t.optim.Adam(model.parameters(), lr=1e-3)

    def loss(step):
        rows = t.randperm(256)[:64]
        return nn.functional.cross_entropy(model(x[rows]), target[rows])

    return train(model, optimizer, loss)


def cnn(t):
    t.manual_seed(0)
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 4),
    )  # fmt: skip
    x, target = t.randn(64, 3, 12, 12), t.randint(0, 4, (64,))
    # at twice this rate the last bit of a float32 decides a maximum at step 75; in float64 even that agrees to 1e-15
    optimizer = t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def loss(step):
        rows = slice(step % 4 * 16, step % 4 * 16 + 16)
        return nn.functional.cross_entropy(model(x[rows]), target[rows], label_smoothing=0.1)

    return train(model, optimizer, loss)


def lstm(t):
    t.manual_seed(0)
    nn = t.nn

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(20, 16)
            self.lstm = nn.LSTM(16, 24, num_layers=2, batch_first=True, dropout=0.2, bidirectional=True)
            self.out = nn.Linear(48, 6)

        def forward(self, tokens, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
            rows, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
            return self.out(rows)

    model = Tagger()
    tokens, lengths = t.randint(0, 20, (8, 12)), t.tensor([12, 3, 7, 12, 9, 5, 10, 1])
    target = tokens % 6
    for row, length in enumerate(lengths.tolist()):
        target[row, length:] = -100
    optimizer = t.optim.RMSprop(model.parameters(), lr=1e-3)

    def loss(step):
        value = nn.functional.cross_entropy(model(tokens, lengths).transpose(1, 2), target)
        return value

    return train(model, optimizer, loss, clip=lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5))


def gpt(t):
    t.manual_seed(0)
    nn, F = t.nn, t.nn.functional

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width), nn.Dropout(0.1))

        def forward(self, x):  # (B, T, C)
            b, n, c = x.shape
            q, k, v = (part.view(b, n, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(c, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, nh, T, hs)
            x = x + self.proj(y.transpose(1, 2).reshape(b, n, c))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(32, 32), nn.Embedding(16, 32)
            self.blocks = nn.ModuleList(Block(32, 4) for _ in range(2))
            self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 32, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, tokens):
            x = self.tokens(tokens) + self.places(t.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    model = GPT()
    text = t.randint(0, 32, (512,))
    optimizer = t.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    schedule = t.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def loss(step):
        starts = t.randint(0, 512 - 17, (8,)).tolist()
        x, y = (t.stack([text[s + shift : s + shift + 16] for s in starts]) for shift in (0, 1))
        return F.cross_entropy(model(x).view(-1, 32), y.view(-1))

    return train(model, optimizer, loss, after=schedule.step)


def train(model, optimizer, loss, clip=None, after=None) -> list[float]:
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        if clip is not None:
            clip()
        optimizer.step()
        if after is not None:
            after()
        losses.append(value.item())
    return losses


RUNS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "gpt": gpt}
