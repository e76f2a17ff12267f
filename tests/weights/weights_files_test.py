"""Files of weights: each format's values, and what is refused."""

import base64
import pickle
import zipfile
import zlib

import h5py
import ml_dtypes
import numpy as np
import pytest

from art_jax.weights import files
from tools.robustness import torch_pickles as tp

# Both written by torch.save of PyTorch 2.13 (the second one with
# _use_new_zipfile_serialization=False), zlib, base85:
#   x = torch.arange(12.).reshape(3, 4) / 8
#   {'epoch': 3, 'note': 'x',
#    'state_dict': OrderedDict(
#      a=x.t(), b=x[1:, ::2], c=Parameter([1.5, -2]), half=f16 [0.5, 65504],
#      brain=bf16 [-3, 1e30], count=tensor(7), empty=zeros(0, 3)),
#    'optimizer': {'state': {0: {'m': ones(3, dtype=float64)}}}}
_ARCHIVE = """
c-o~_&u<$=6drpWC)ws_2~8RxEx%f)O&$N-*lC)CC794HG}%(HdU4nGHePk@^;?faS`;Y~N`M=xIB-
Ig8xj)SxaJQ)LU7;$5(f?lE+8&&gPB=pyR(UtG#Tk>y!L+I``+7mpLa<SLI`zrp<QbLokW^lsu-*KW
Ld*nw0_sj$$jV+w>E<7fFk)00?_MLsR98-$P-3Xv#<`qe1Lph10gSxy@55X7s^HnL#R};Oj9pm!>Tp
J>vmbU_3{GwMTCxV6~Yk))S$D3EutY>Xkx=`hy`0OHVv~}z<RA=*@e}F2wjm#zLT+Awzi@}w*wJ#rl
sK<&X*#Hj4%c#@&egQ^(OQvJs5hI6{Lg|VGH_{fD+n*{tqiuzyO9p6;3ix5uT`!B$e)pSUFK)u%TrF
3M#=Zc#?kDf>RD`7{iDPrx~mSqiw|3HCwCdShq!ZYKNIY;_x)#4`O(R$_j46m=f58GY<Dz49}|Y+z0
I9`S;-k6<%bWu4v{RIOh<xYF{K@xuu_H+zE&{+~Y0o3zYk!!##oFk_u7w7>l-M)L@e1lUXz4lFJ!mo
Joi~oQW1^l5(aT&NK!|g(=2avYIsv8IJRsRa<fSvWzbU(}XX8;WFVHA9r|WFkDe#);VI;I=%;UT+`A
pPe2I6OH>4+&r((dC9nlAI|K_DUQr>}T!&Zl-2_k|z1Qf8hDG-KYwY-}>UM)1M!2d38jT{m(W+ykYT
VatP}boZ6TprzyuJ=^C}<t7GXYgt;tE@^nnhE0OIv0)NuUyy0)`t@rLYNa(pKGc6uyPwZ58s3Mxz;B
QaZb|#V`I?Cg+sKQriI?Mi<-xjoz{Bs)h@#Dsu8U-<-BvahmU&KYxCYilos#-zb`Tl&>{y1<f>8YE`
|4b8_;KDY+%3sDQb5;P)U&5!_e6AewUp6z^f(qPCHfFCQiE&N2;*O`U4kyz=YmFv$|$S3@6~<y>(xm
XoKCA)rM&i_iv%Z4#tNbe6<CiQ6PLNPI-%GZJ6VQKeS=b~8rZ>;R=hywZ419zeVEZxdd$O?js$e)*O
XbsfMv!}BI`a^}b#K$-vErMdr}{jNaGEObEbc|LbCC(j(`@!y)?z6vz|!asMzN64Q#ZvM^|Gu2T4@i
&X_KRQhR)5q!mW1Jsp@AE^~UvvJQ*7MN%a&3fMjqKagess~z<J#Bx!xoejX{PT#UAcL%e~h8TBLib4
HFVn`4t8Io?;!=FoRg!E*~yrc$)*$8w3M34q!TeIou10XlId(Vl}sgLQaqEA5?Lvkpelbl^Y7;oq9e
jo2B=t9r`Pfab}9G2hxyT710Uv)4+YfjPr^^)HQ`a-ctdC(=lAn?jdYOXdEnu34crg+x?3LyKh=SJ-
s{JD9gN3r`>}C9*6Tn#b|mb>Cj3~hd+^wg{n(@*>z#TYJJjjJrgpG<`+|3U;>V`_dA-xgV<|g7`F^Z
--ugLc#e;2g&b(tV#({tEfcGBIB_$l5*coTxl8fy1?NfrYuXXR(YnVChS3S<P^QO}gb}+r{e&^o*0T
RIG*#
"""
_STREAM = """
c-nPSOLNm!6xPFu8xbIFX?YbIpbw|CsUMMIw?NVm!sGIa0!1tsRhBPEjAHqdt}~<^&twyqvf>AH(Pf
wY3Hdwh*fP_ZawIvP5fyjlNcVB>_kHJ{b9R&$TJZ0mYj0+s{(blO{El+#l}g_Mq>42oNm4HgMd*fsy
~U&054(`b!8%AMfiFbBZQkwpP8Z5^OQTJ(-Q#xb|H@;i1C%P(1Z~D%7zs=;#ZqbIcLgR{$toonVfP8
jtkm!Cb0+@07rGu~rlvmKP;e-gOw(sjQ<hjbg4-S66)3qRF5s>pZLxMI>hOqnR_R2;#GHxAN_x>j*%
e{rdh>Q)_(81M5pVbXpkoW(jl;;^s%!Y5QnAV@dKfuRIHs~I+FB4gVk6tspjn5=r?pV4wdyV1Xf$-A
i34e5Zm*ANHho**;5w67iK#;zVlpcYarh4}kuxLkp^1-DO>KPa5v4cf6+#~IGN@112}ohe5T7QKA&z
EH#{`a>IFUlRIQgFNdQRkQa={}FpZ%Y$(X2I%MZLLzQ^cka+v!BOvWw4|yo=e4>5RZx6X%|%i!Xl1m
nObSGvhhIV|<;#j^64TZH=F*l8Z|>biH21+=%I$5!3mE>D!FyJAru<-={^;jvT*>Y7TuRO-0QZGt}N
;Fq(}z>LZ56h+!dN&@%=@V9`V~WpKkjm0~N$aFYshjQ&F&z17r>Dt;t%nb0o~`rKTGdQsq#iKVP~H+
y0m%Y~`cTl6*X6G2D>v62Xsk}A2(R3;Cxn!#NWSTk|8KfpC>imuy~L8s#g2iMc{8)=#DHzZ?n9Jf=)
uqXUYYQ6|J2e_5>UeYSKJ-{6%4RALtmrbnaf?f^#?SPNNHuL3JtuE?yY>;M^G~Y`!tGl?LJnGMx-Uk
AfiHC6<CvE&FY2$*#%SE|Tik?_4dbCoJs)?e`nJg;sGM`tZ(P;kn+x~oc?*`=2ye#F1np?eIdiOt_c
fTY_J7jxg68X%MEtCC1wnO%k>@Tu^mc}}yy##CTEuSb|<p
"""


def _fails(path, match, **kwargs):
  with pytest.raises(files.WeightsError, match=match) as error:
    files.read(path, **kwargs)
  assert '\n' not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize('text', [_ARCHIVE, _STREAM], ids=['zip', 'stream'])
def test_torch_file(text, tmp_path):
  path = tmp_path / 'x.pth'
  path.write_bytes(zlib.decompress(base64.b85decode(text.replace('\n', ''))))
  tensors = files.read(path)
  x = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
  expected = {
    **{'a': x.T, 'b': x[1:, ::2], 'c': [1.5, -2], 'half': [0.5, 65504]},
    **{'brain': [-3, 1e30], 'count': 7, 'empty': np.zeros((0, 3))},
  }
  assert list(tensors) == list(expected)
  for name, value in expected.items():
    # bfloat16 keeps 8 bits.
    np.testing.assert_allclose(tensors[name], value, rtol=4e-3, err_msg=name)
    assert tensors[name].dtype == (np.int64 if name == 'count' else np.float32)
  np.testing.assert_array_equal(tensors['a'], x.T)


@pytest.mark.parametrize(
  'value',
  [
    *(np.array(['x']), np.ones(2, 'c8'), np.array(['2020'], 'M8[D]')),
    *(np.ones(2, ml_dtypes.bfloat16), np.zeros(2, [('x', 'f4')])),
  ],
  ids=lambda value: str(value.dtype),
)
def test_what_is_no_real_number_is_refused(value, tmp_path):
  np.savez(tmp_path / 'x.npz', a=np.ones(2), odd=value)
  _fails(tmp_path / 'x.npz', "tensor 'odd' has the type")


@pytest.mark.parametrize('legacy', [False, True])
def test_own_writer(legacy, tmp_path):
  arrays = {
    'a': np.ones((2, 3), 'f4'),
    'b': np.arange(4),
    'c': np.ones(2, 'f2'),
  }
  path = tmp_path / 'x.pth'
  path.write_bytes(tp.state_dict(arrays, legacy))
  tensors = files.read(path)
  for name, value in arrays.items():
    np.testing.assert_array_equal(tensors[name], value)


def _touch(folder) -> tuple[bytes, ...]:
  return tp.text(f'touch {folder}/owned')


class _Evil:
  def __init__(self, folder):
    self.command = f'touch {folder}/owned'

  def __reduce__(self):
    import os

    return os.system, (self.command,)


_FOUR = {'0': np.ones(4, 'f4').tobytes()}
_HOSTILE = {
  'system': (
    lambda f: tp.call(tp.name('posix', 'system'), _touch(f)),
    "the name 'posix.system'",
  ),
  'eval': (
    lambda f: tp.call(tp.name('builtins', 'eval'), tp.text('1')),
    "the name 'builtins.eval'",
  ),
  'getattr-chain': (
    lambda f: tp.name('torch', 'Size.__class__'),
    "the name 'torch.Size.__class__'",
  ),
  'stack-global': (
    lambda f: tp.text('os') + tp.text('system') + b'\x93',
    "the name 'os.system'",
  ),
  'instance': (lambda f: b'(ios\nsystem\n', r"instruction b'i'"),
  'new-object': (
    lambda f: tp.name('torch', 'Size') + b')\x81',
    r"instruction b'\\x81'",
  ),
  'call-a-dtype': (
    lambda f: tp.call(tp.name('torch', 'float32'), tp.text('x')),
    'a call of something',
  ),
  'call-a-text': (lambda f: tp.text('x') + b')R', 'a call of something'),
  'huge-memo-index': (
    lambda f: tp.text('x') + b'r\xff\xff\xff\xff' + b'0}',
    'no tensors',
  ),
  'huge-text': (lambda f: b'B\xff\xff\xff\x7f', 'beyond the end'),
  'deep-key': (  # its hash would take 2**60 steps
    lambda f: b'})' + b'q\x00h\x00\x86' * 60 + b'Ns',
    'a key that is no text',
  ),
  'dict-in-itself': (lambda f: b'}q\x00(X\x01\x00\x00\x00ah\x00u', 'names of'),
  'beyond-its-block': (
    lambda f: tp.mapping({'a': tp.tensor('0', 4, (3,), (2,))}),
    "tensor 'a' reaches beyond",
  ),
  'no-block': (
    lambda f: tp.mapping({'a': tp.tensor('1', 4, (4,), (1,))}),
    'block',
  ),
  'negative': (
    lambda f: tp.mapping({'a': tp.tensor('0', 4, (2,), (-1,), 3)}),
    'a size that is no number',
  ),
  'huge-by-stride-0': (
    lambda f: tp.mapping({'a': tp.tensor('0', 4, (2**40,), (0,))}),
    'its tensors have 4398046511104 bytes',
  ),
  'no-dict': (lambda f: tp.text('x'), 'no dict of tensors'),
}


@pytest.mark.parametrize('name', _HOSTILE)
def test_hostile_pickle(name, tmp_path):
  make, match = _HOSTILE[name]
  path = tmp_path / 'x.pth'
  path.write_bytes(tp.archive(make(tmp_path), _FOUR))
  _fails(path, match)
  path.write_bytes(tp.stream(make(tmp_path), {'0': (4, _FOUR['0'])}))
  _fails(path, match)
  assert not (tmp_path / 'owned').exists()


def test_hostile_torch_files(tmp_path):
  path = tmp_path / 'x.pth'
  path.write_bytes(pickle.dumps(_Evil(tmp_path)))
  _fails(path, "the name 'posix.system'")
  path.write_bytes(tp.MAGIC + pickle.dumps(_Evil(tmp_path)))
  _fails(path, "the name 'posix.system'")
  with zipfile.ZipFile(path, 'w') as file:
    file.writestr('a/data.pkl', pickle.dumps({'a': 1}))
    file.writestr('a/constants.pkl', b'')
  _fails(path, 'TorchScript')
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
    file.writestr('a/data.pkl', pickle.dumps({'a': 1}))
    file.writestr('a/data/0', bytes(10**6))
  _fails(path, 'unpacks to', max_bytes=10**5)
  parts = tp.stream(tp.mapping({}), {}).split(b'](e.')
  # Keys whose text would have 2**60 letters.
  keys = b'](]q\x00' + b'h\x00h\x00\x86q\x00' * 60 + b'e.'
  value = tp.mapping({'a': tp.tensor('0', 4, (4,), (1,))})
  path.write_bytes(parts[0].replace(b'}(u.', value + b'.') + keys)
  _fails(path, 'no list of its blocks')
  good = tp.mapping({'a': tp.tensor('0', 4, (4,), (1,), legacy=True)})
  path.write_bytes(tp.stream(good, {'0': (2**40, b'')}))
  _fails(path, 'beyond the end')
  path.write_bytes(tp.stream(good, {'0': (4, _FOUR['0'])}))
  np.testing.assert_array_equal(files.read(path)['a'], np.ones(4))
  assert not (tmp_path / 'owned').exists()


def test_keras_file(tmp_path):
  path = tmp_path / 'x.h5'
  kernel = np.arange(6, dtype='f4').reshape(2, 3)
  with h5py.File(path, 'w') as file:
    # Code that Keras would unpack; nobody reads attributes here.
    file.attrs['model_config'] = '{"class_name": "Lambda"}'
    file['model_weights/conv/conv/kernel:0'] = kernel
    file.create_dataset(
      'model_weights/conv/conv/bias:0', data=np.ones(300, 'f2'), compression=9
    )
    file['optimizer_weights/iteration:0'] = 3
  tensors = files.read(path)
  assert set(tensors) == {'conv/conv/kernel:0', 'conv/conv/bias:0'}
  np.testing.assert_array_equal(tensors['conv/conv/kernel:0'], kernel)
  assert tensors['conv/conv/bias:0'].dtype == np.float32


def _virtual(file):
  layout = h5py.VirtualLayout((4,), 'f4')
  layout[:] = h5py.VirtualSource('other.h5', 'x', (4,))
  file.create_virtual_dataset('x', layout)


_H5 = {
  'external-link': (
    lambda f: f.__setitem__('x', h5py.ExternalLink('/etc/passwd', '/')),
    "'x' is a link",
  ),
  'soft-link': (
    lambda f: f.__setitem__('x', h5py.SoftLink('/y')),
    "'x' is a link",
  ),
  'linked-model': (
    lambda f: f.__setitem__('model_weights', h5py.ExternalLink('a.h5', '/')),
    "'model_weights' is a link",
  ),
  'external-data': (
    lambda f: f.create_dataset(
      'x', (4,), 'u1', external=[('/etc/passwd', 0, 4)]
    ),
    'lie in another file',
  ),
  'virtual': (_virtual, 'lie in another file'),
  'bomb': (  # a few hundred bytes of file
    lambda f: f.create_dataset('x', (2**40,), 'f4', chunks=(1024,)),
    'its arrays have 4398046511104 bytes',
  ),
  'loop': (lambda f: f.__setitem__('x', f['/']), 'too many entries'),
  'text': (lambda f: f.__setitem__('x', 'abc'), 'no array of numbers'),
  'object': (
    lambda f: f.create_dataset('x', (2,), h5py.ref_dtype),
    'no array of numbers',
  ),
  'type': (lambda f: f.__setitem__('x', np.dtype('f4')), 'no array of numbers'),
  'nothing': (lambda f: None, 'holds no arrays'),
}


@pytest.mark.parametrize('name', _H5)
def test_hostile_keras_file(name, tmp_path):
  make, match = _H5[name]
  path = tmp_path / 'x.h5'
  with h5py.File(path, 'w') as file:
    make(file)
  _fails(path, match)
  path.write_bytes(path.read_bytes()[:300])
  _fails(path, 'cannot read')
